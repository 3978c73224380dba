# Where model.py is compiled, its objects hold their fields directly: three of them are made for nearly every flow.

cdef class SideMatch:
    cdef public bint strong
    cdef public tuple spans
    cdef public dict facts
    cdef public bint more
    cdef public int bits

cdef class Identification:
    cdef public object app
    cdef public object tier
    cdef public object server
    cdef public dict facts
    cdef public bint final
    cdef public int signs
    cdef public object client_app
    cdef public object server_app
    cdef public tuple inner
    cdef tuple _proof
    cdef tuple _spans
    cdef object _later
