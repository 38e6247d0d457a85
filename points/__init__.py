"""What is true about points: values, rules and the fold, without a clock, disk, network, chance or language.

Everything here is a value or a pure function of its arguments. Two machines that are given the
same facts reach the same numbers; that is what the whole product stands on.
"""
