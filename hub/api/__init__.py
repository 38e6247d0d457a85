"""Headquarters' doors for devices: raw signed bytes in, signed bytes or a problem document out."""
