# C types of fragments.py for the compiler; without a compiler this file is not read.

import cython
from oddport.engine.reassembly cimport Assembly as Joined

cdef class FragmentTable:
    cdef readonly object timeout_ns
    cdef readonly Py_ssize_t trains_max
    cdef readonly Py_ssize_t bytes_max
    cdef readonly object buffer
    cdef readonly Py_ssize_t held_bytes
    cdef readonly Py_ssize_t dropped_trains
    cdef readonly Py_ssize_t dropped_bytes
    cdef object _held
    cdef object _atomic
    cdef list _over
    cdef Py_ssize_t _next_id
    cdef object _start
    cdef object _now
    cdef object _scratch

    @cython.locals(
        assembly=Joined, row=Py_ssize_t, begin=Py_ssize_t, ip=Py_ssize_t, length=Py_ssize_t, proto=int, flags=int,
        keys=bytes, key=bytes, piece=bytes, raw=tuple, ties=list, done=list,
        data="const unsigned char[::1]", frame="const long long[::1]", number="const unsigned int[::1]",
        file="const unsigned short[::1]", ts="const long long[::1]", version="const unsigned char[::1]",
        header="const long long[::1]", offset="const unsigned int[::1]", more="const unsigned char[::1]",
        start="const long long[::1]", captured="const unsigned int[::1]", wire="const unsigned int[::1]",
        ttl="const unsigned char[::1]",
    )
    cdef int _take_rows(self, object batch, object decoded, object rows, Py_ssize_t first_packet) except -1
    @cython.locals(assembly=Joined, reused=bint)
    cdef Joined _find(self, bytes key, tuple raw, bytes piece)
    cdef bint _stale(self, Joined assembly, tuple raw) except -1
    @cython.locals(ranges=Py_ssize_t, filled=Py_ssize_t, complete=bint, cost=Py_ssize_t)
    cdef bint _add(self, bytes key, Joined assembly, tuple raw, bytes piece) except -1
    @cython.locals(assembly=Joined)
    cdef Joined _take_atomic(self, bytes key, tuple raw, bytes piece)
    @cython.locals(assembly=Joined)
    cdef Joined _open(self, object table, bytes key, tuple raw)
    cdef int _charge(self, Joined assembly, Py_ssize_t cost) except -1
    @cython.locals(assembly=Joined)
    cdef bint _evict(self, Joined keep) except -1
    @cython.locals(assembly=Joined)
    cdef object _close(self, object table, bytes key)
    @cython.locals(assembly=Joined, row=Py_ssize_t, kind="unsigned char[::1]", proto="unsigned char[::1]", sport="unsigned short[::1]", dport="unsigned short[::1]", column="unsigned int[::1]")
    cdef int _tie(self, object decoded, list ties) except -1
