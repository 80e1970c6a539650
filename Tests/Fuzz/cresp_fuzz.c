// Feeds the RESP reader with damaged replies in random pieces. Same seed, same run.
//
//     cresp_fuzz [iterations] [seed]
//
// Apart from what the sanitizers see, it checks what has to hold for any input: the nodes of a reply form one tree
// whose links and offsets stay inside, memory stays within the limits, an undamaged stream gives the same replies
// however it is cut, and a failed reader stays failed.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cresp.h"

#define MAX_INPUT 8192
#define MAX_ELEMENTS 500
#define MAX_BYTES 4096

static uint64_t state;
static uint64_t seed;
static uint64_t iteration;

static uint64_t next_random(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static size_t below(size_t bound) { return bound == 0 ? 0 : (size_t)(next_random() % bound); }

static void broken(const char *what) {
    fprintf(stderr, "cresp_fuzz: %s (seed %" PRIu64 ", iteration %" PRIu64 ")\n", what, seed, iteration);
    abort();
}

static const char *const corpus[] = {
    "+OK\r\n",
    "-ERR no such thing\r\n",
    ":0\r\n",
    ":-9223372036854775808\r\n",
    "$5\r\nhello\r\n",
    "$0\r\n\r\n",
    "$-1\r\n",
    "*-1\r\n",
    "*0\r\n",
    "*3\r\n:1\r\n$2\r\nab\r\n*2\r\n+x\r\n$-1\r\n",
    "*2\r\n*2\r\n*0\r\n*1\r\n:7\r\n*1\r\n*1\r\n*1\r\n$4\r\n\r\n\r\n\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n",
    "*2147483647\r\n",
    "*499\r\n:1\r\n",
    "*250\r\n*249\r\n:1\r\n",
    "$4096\r\nxx",
    "$4097\r\nxx",
    "$9223372036854775807\r\n",
    "%1\r\n+a\r\n:1\r\n",
    "~1\r\n:1\r\n",
    ">1\r\n:1\r\n",
    "_\r\n",
    "#t\r\n",
    ",1.5\r\n",
    "=7\r\ntxt:abc\r\n",
    "(12345678901234567890\r\n",
    "|1\r\n+a\r\n:1\r\n",
};

static const char *const tokens[] = {"\r\n", "\r", "\n", "$", "*", "-", "+", ":", "-1", "0", "2147483648",
                                     "99999999999999999999", "*8\r\n", "$-1\r\n", "$1000\r\n"};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static size_t append(char *input, size_t length, const char *bytes, size_t count) {
    if (count > MAX_INPUT - length) count = MAX_INPUT - length;
    memcpy(input + length, bytes, count);
    return length + count;
}

// A reply that is valid by construction. `depth` arrays are still allowed inside.
static size_t generate(char *input, size_t length, int depth) {
    char text[64];
    switch (below(depth > 0 ? 7 : 5)) {
    case 0: return append(input, length, "+PONG\r\n", 7);
    case 1: return append(input, length, "-ERR x\r\n", 8);
    case 2: {
        int count = snprintf(text, sizeof text, ":%" PRId64 "\r\n", (int64_t)next_random());
        return append(input, length, text, (size_t)count);
    }
    case 3: return append(input, length, "$-1\r\n", 5);
    case 4: {
        size_t count = below(below(8) == 0 ? 300 : 20);
        length = append(input, length, text, (size_t)snprintf(text, sizeof text, "$%zu\r\n", count));
        for (size_t i = 0; i < count; i++) {
            char byte = (char)next_random();
            length = append(input, length, &byte, 1);
        }
        return append(input, length, "\r\n", 2);
    }
    default: {
        size_t count = below(6);
        length = append(input, length, text, (size_t)snprintf(text, sizeof text, "*%zu\r\n", count));
        for (size_t i = 0; i < count; i++) length = generate(input, length, depth - 1);
        return length;
    }
    }
}

static size_t mutate(char *input, size_t length) {
    for (size_t rounds = 1 + below(4); rounds > 0 && length > 0; rounds--) {
        size_t at = below(length);
        switch (below(6)) {
        case 0: input[at] = (char)next_random(); break;
        case 1: input[at] ^= (char)(1 << below(8)); break;
        case 2: length = at; break;
        case 3: {
            size_t count = below(length - at);
            memmove(input + at, input + at + count, length - at - count);
            length -= count;
            break;
        }
        case 4: {
            size_t count = below(length - at);
            if (count > MAX_INPUT - length) count = MAX_INPUT - length;
            memmove(input + at + count, input + at, length - at);
            length += count;
            break;
        }
        default: {
            const char *token = tokens[below(COUNT(tokens))];
            size_t count = strlen(token);
            if (count > MAX_INPUT - length) break;
            memmove(input + at + count, input + at, length - at);
            memcpy(input + at, token, count);
            length += count;
        }
        }
    }
    return length;
}

// Checks the subtree at `index` and returns the index after it.
static size_t check_node(const cresp_reader *reader, size_t index, int depth, uint64_t *hash) {
    size_t count = cresp_node_count(reader);
    if (index >= count) broken("a link leaves the reply");
    if (depth > CRESP_MAX_NESTING + 1) broken("the reply is deeper than allowed");
    const cresp_node *node = &cresp_nodes(reader)[index];
    *hash = (*hash ^ node->kind) * 1099511628211u;
    size_t next = index + 1;
    switch (node->kind) {
    case CRESP_STATUS:
    case CRESP_ERROR:
    case CRESP_BULK:
        if (node->value < 0 || (uint64_t)node->value + node->count > cresp_arena_length(reader))
            broken("a string leaves the arena");
        for (uint32_t i = 0; i < node->count; i++)
            *hash = (*hash ^ cresp_arena(reader)[node->value + i]) * 1099511628211u;
        break;
    case CRESP_INTEGER:
        *hash = (*hash ^ (uint64_t)node->value) * 1099511628211u;
        break;
    case CRESP_NULL:
        break;
    case CRESP_ARRAY:
        for (uint32_t i = 0; i < node->count; i++) next = check_node(reader, next, depth + 1, hash);
        break;
    default:
        broken("a node has no kind");
    }
    if (node->next != next) broken("a node does not point behind its subtree");
    return next;
}

typedef struct {
    size_t replies;
    uint64_t hash;
    int failed;
} outcome;

static outcome run(const char *input, size_t length, size_t max_piece) {
    cresp_reader *reader = cresp_create((cresp_limits){.max_elements = MAX_ELEMENTS, .max_bytes = MAX_BYTES});
    if (reader == NULL) broken("no reader");
    outcome result = {0, 14695981039346656037u, 0};
    size_t at = 0;
    while (at < length && !result.failed) {
        size_t piece = 1 + below(max_piece);
        if (piece > length - at) piece = length - at;
        // A copy of its own, so that the sanitizer sees a read beyond it.
        char *copy = malloc(piece);
        memcpy(copy, input + at, piece);
        result.failed = cresp_feed(reader, copy, piece) != 0;
        free(copy);
        at += piece;
        int status = CRESP_NEED_MORE;
        while (!result.failed && (status = cresp_next(reader)) == CRESP_REPLY) {
            result.replies++;
            if (cresp_node_count(reader) > MAX_ELEMENTS) broken("the reply has more elements than allowed");
            if (cresp_arena_length(reader) > MAX_BYTES) broken("the reply has more bytes than allowed");
            if (check_node(reader, 0, 0, &result.hash) != cresp_node_count(reader)) broken("nodes are left over");
        }
        if (status == CRESP_FAILED) result.failed = 1;
        if (cresp_memory(reader) > 2 * MAX_ELEMENTS * sizeof(cresp_node) + 2 * MAX_BYTES)
            broken("more memory than the limits allow");
    }
    if (result.failed) {
        if (cresp_error(reader)[0] == '\0') broken("a failure without a reason");
        if (cresp_feed(reader, "+OK\r\n", 5) == 0 || cresp_next(reader) != CRESP_FAILED)
            broken("a failed reader came back");
    }
    cresp_free(reader);
    return result;
}

int main(int argc, char **argv) {
    uint64_t iterations = argc > 1 ? strtoull(argv[1], NULL, 10) : 100000;
    seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    printf("cresp_fuzz: %" PRIu64 " iterations, seed %" PRIu64 "\n", iterations, seed);
    static char input[MAX_INPUT];
    uint64_t replies = 0, failures = 0;
    for (iteration = 0; iteration < iterations; iteration++) {
        state = (seed + iteration) * 0x9e3779b97f4a7c15u | 1;
        for (int i = 0; i < 4; i++) next_random();
        size_t length = 0;
        int damaged = below(4) != 0;
        for (size_t count = 1 + below(6); count > 0; count--) {
            const char *known = corpus[below(COUNT(corpus))];
            if (damaged && below(2) == 0) {
                length = append(input, length, known, strlen(known));
            } else {
                length = generate(input, length, 3);
            }
        }
        if (damaged) length = mutate(input, length);
        outcome whole = run(input, length, MAX_INPUT);
        outcome pieces = run(input, length, 1 + below(16));
        if (!damaged && length < MAX_INPUT && whole.failed == 0 && pieces.failed == 0
            && (whole.replies != pieces.replies || whole.hash != pieces.hash)) {
            broken("the replies depend on how they are cut");
        }
        if (!damaged && length < MAX_BYTES && (whole.failed || pieces.failed)) broken("a valid stream is refused");
        replies += whole.replies + pieces.replies;
        failures += (uint64_t)(whole.failed + pieces.failed);
    }
    printf("cresp_fuzz: %" PRIu64 " replies read, %" PRIu64 " streams refused\n", replies, failures);
    return 0;
}
