// The hiredis reader, turned into something Swift can use without a malloc per element.
//
// hiredis builds a tree: one allocation for each element, one more for each string, and its reply type differs between
// 0.14 and 1.x. Here a whole reply is one array of nodes in pre-order and one arena of bytes. Both belong to the reader
// and are valid until the next call of cresp_next, cresp_feed or cresp_free; a caller who wants to keep a reply copies
// two blocks. RESP2 only: the RESP3 types that hiredis 1.x also parses are refused, so that both generations behave
// alike.
#ifndef STINT_CRESP_H
#define STINT_CRESP_H

#include <stddef.h>
#include <stdint.h>

#ifndef __clang__
#define _Nonnull
#define _Nullable
#endif

typedef struct cresp_reader cresp_reader;

enum {
    CRESP_STATUS = 1,
    CRESP_ERROR = 2,
    CRESP_INTEGER = 3,
    CRESP_BULK = 4,
    CRESP_NULL = 5,
    CRESP_ARRAY = 6,
};

typedef struct cresp_node {
    int64_t value;   // integer: the value; status, error, bulk: offset in the arena
    uint32_t count;  // status, error, bulk: length in bytes; array: number of children
    uint32_t next;   // index of the node after this one's subtree, so the next sibling when there is one
    uint8_t kind;    // CRESP_STATUS ... CRESP_ARRAY
} cresp_node;

typedef struct cresp_limits {
    size_t max_elements;  // nodes in one reply, announced ones included
    size_t max_bytes;     // bytes in one reply's strings, and bytes fed but not parsed
} cresp_limits;

enum {
    CRESP_NEED_MORE = 0,
    CRESP_REPLY = 1,
    CRESP_FAILED = -1,
};

// An array inside an array inside ... : the eighth nesting is an error, as in hiredis 0.14.
#define CRESP_MAX_NESTING 7

// 4,194,304 elements; 512 MiB (the longest string Redis stores) and 1 MiB around it.
cresp_limits cresp_default_limits(void);

// NULL when there is no memory. Limits above UINT32_MAX are lowered to it.
cresp_reader *_Nullable cresp_create(cresp_limits limits);
void cresp_free(cresp_reader *_Nullable reader);

// Appends bytes. CRESP_FAILED when the unparsed bytes would pass the limit or the reader has failed before, else 0.
int cresp_feed(cresp_reader *_Nonnull reader, const void *_Nonnull bytes, size_t length);

// Parses the next reply of what was fed. A failure is final: every later call fails too.
int cresp_next(cresp_reader *_Nonnull reader);

const cresp_node *_Nonnull cresp_nodes(const cresp_reader *_Nonnull reader);
size_t cresp_node_count(const cresp_reader *_Nonnull reader);
const uint8_t *_Nonnull cresp_arena(const cresp_reader *_Nonnull reader);
size_t cresp_arena_length(const cresp_reader *_Nonnull reader);

// Bytes of memory held for nodes and arena, for the tests of the bounds.
size_t cresp_memory(const cresp_reader *_Nonnull reader);

// Why the reader failed. Never quotes more than one byte of what was received.
const char *_Nonnull cresp_error(const cresp_reader *_Nonnull reader);

#endif
