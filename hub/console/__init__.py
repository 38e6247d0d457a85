"""Headquarters' pages for people: stores, members' stories, cases, tickets, settlement."""
