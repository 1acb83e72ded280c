// A library in the place of the NVIDIA driver: the entry points that Tessera uses, over the memory of the host. It does no work of a GPU: it
// writes down each call with its arguments, copies and fills memory, counts what is alive, and fails when it is told to. The prototypes it is
// held to (prototypes.h) are written by the test from those recorded.
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "prototypes.h"

typedef enum cudaError_enum CUresult;
typedef unsigned long long CUdeviceptr;
typedef struct CUctx_st { int device; } *CUcontext;
typedef struct CUmod_st { int functions; } *CUmodule;
typedef struct CUfunc_st { char name[64]; } *CUfunction;
typedef struct CUstream_st { int capturing; } *CUstream;
typedef struct CUevent_st { int time; } *CUevent;
typedef struct CUgraph_st { int nodes; } *CUgraph;
typedef struct CUlinkState_st { char *code; } *CUlinkState;
typedef struct CUgraphExec_st { int nodes; } *CUgraphExec;

// What a test sets and reads.
int standin_version = 13000, standin_devices = 1, standin_capability = 90; // set
char standin_failing[64]; // set: the entry point that fails,
int standin_failure;      // with this code
char standin_log[1 << 20]; // read: a line for each call
int standin_live;         // read: contexts, modules, blocks of memory, streams, events and graphs that were not given back

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static __thread CUcontext current;
static struct CUctx_st contexts[8];
static int retained[8], initialized, now;
static size_t length;

static CUresult call(int needs_context, const char *name, const char *format, ...)
{
    pthread_mutex_lock(&gate);
    va_list arguments;
    va_start(arguments, format);
    length += snprintf(standin_log + length, sizeof standin_log - length, "%s(", name);
    length += vsnprintf(standin_log + length, sizeof standin_log - length, format, arguments);
    length += snprintf(standin_log + length, sizeof standin_log - length, ")\n");
    va_end(arguments);
    CUresult result = !strcmp(name, standin_failing) ? standin_failure
        : !initialized ? CUDA_ERROR_NOT_INITIALIZED
        : needs_context && !(current && retained[current->device]) ? CUDA_ERROR_INVALID_CONTEXT
        : CUDA_SUCCESS;
    pthread_mutex_unlock(&gate);
    return result;
}

// Writes the call down; returns from the entry point where it fails.
#define CALL(...) do { CUresult failed = call(1, __func__, __VA_ARGS__); if (failed) return failed; } while (0)
#define CALL_WITHOUT_CONTEXT(...) do { CUresult failed = call(0, __func__, __VA_ARGS__); if (failed) return failed; } while (0)

static void *made(void *object) { __sync_fetch_and_add(&standin_live, 1); return object; }
static CUresult gone(void *object) { __sync_fetch_and_sub(&standin_live, 1); free(object); return CUDA_SUCCESS; }
#define NEW(type) made(calloc(1, sizeof(struct type)))

void standin_clear(void) { length = 0; standin_log[0] = 0; }

CUresult cuInit(unsigned int flags) { initialized = 1; CALL_WITHOUT_CONTEXT("%u", flags); return CUDA_SUCCESS; }
CUresult cuDriverGetVersion(int *version) { *version = standin_version; return CUDA_SUCCESS; }

static const struct { CUresult code; const char *name, *meaning; } codes[] = {
    { CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument" },
    { CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory" },
    { CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected" },
    { CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context" },
    { CUDA_ERROR_INVALID_PTX, "CUDA_ERROR_INVALID_PTX", "a PTX JIT compilation failed" },
    { CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found" },
    { CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered" },
};

CUresult cuGetErrorName(CUresult error, const char **text)
{
    *text = NULL;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) if (codes[i].code == error) *text = codes[i].name;
    return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorString(CUresult error, const char **text)
{
    *text = NULL;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) if (codes[i].code == error) *text = codes[i].meaning;
    return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

// Devices and contexts

CUresult cuDeviceGetCount(int *count) { CALL_WITHOUT_CONTEXT(""); *count = standin_devices; return CUDA_SUCCESS; }
CUresult cuDeviceGet(int *device, int ordinal) { CALL_WITHOUT_CONTEXT("%d", ordinal); *device = ordinal; return ordinal < standin_devices ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE; }
CUresult cuDeviceGetName(char *name, int bytes, int device) { CALL_WITHOUT_CONTEXT("%d, %d", bytes, device); snprintf(name, bytes, "Stand-in %d", device); return CUDA_SUCCESS; }

CUresult cuDeviceGetAttribute(int *value, enum CUdevice_attribute_enum attribute, int device)
{
    CALL_WITHOUT_CONTEXT("%d, %d", attribute, device);
    *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR ? standin_capability / 10
        : attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR ? standin_capability % 10
        : 1000 + attribute;
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, int device)
{
    CALL_WITHOUT_CONTEXT("%d", device);
    contexts[device].device = device;
    retained[device]++;
    *context = made(&contexts[device]);
    return CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease_v2(int device)
{
    CALL_WITHOUT_CONTEXT("%d", device);
    retained[device]--;
    return gone(NULL);
}

CUresult cuCtxSetCurrent(CUcontext context) { CALL_WITHOUT_CONTEXT("%p", (void *)context); current = context; return CUDA_SUCCESS; }
CUresult cuCtxSynchronize(void) { CALL(""); return CUDA_SUCCESS; }

// Modules: text with an instruction "bad" does not compile; every name is a function, "table" is a global variable

static void *value_of(unsigned int count, enum CUjit_option_enum *options, void **values, enum CUjit_option_enum option)
{
    for (unsigned int i = 0; i < count; i++) if (options[i] == option) return values[i];
    return NULL;
}

CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned int count, enum CUjit_option_enum *options, void **values)
{
    char *log = value_of(count, options, values, CU_JIT_ERROR_LOG_BUFFER), *notes = value_of(count, options, values, CU_JIT_INFO_LOG_BUFFER);
    size_t bytes = (size_t)value_of(count, options, values, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES), noteBytes = (size_t)value_of(count, options, values, CU_JIT_INFO_LOG_BUFFER_SIZE_BYTES);
    int lineInfo = (int)(size_t)value_of(count, options, values, CU_JIT_GENERATE_LINE_INFO);
    CALL("%zu bytes, %u options, %zu for errors, %zu for notes, line info %d", strlen(image), count, bytes, noteBytes, lineInfo);
    if (!count && strncmp(image, "code:", 5)) return CUDA_ERROR_INVALID_IMAGE;
    const char *bad = strstr(image, " bad.");
    if (bad)
    {
        int line = 1;
        for (const char *c = image; c < bad; c++) line += *c == '\n';
        snprintf(log, bytes, "ptxas application ptx input, line %d; error   : Unknown instruction 'bad'\nptxas fatal   : Ptx assembly aborted due to errors", line);
        snprintf(notes, noteBytes, "info    : 0 bytes gmem");
        return CUDA_ERROR_INVALID_PTX;
    }
    *module = NEW(CUmod_st);
    return CUDA_SUCCESS;
}

// Linked code is "code:" and the text.
CUresult cuLinkCreate_v2(unsigned int count, enum CUjit_option_enum *options, void **values, CUlinkState *state)
{
    CALL("%u options, line info %d", count, (int)(size_t)value_of(count, options, values, CU_JIT_GENERATE_LINE_INFO));
    *state = NEW(CUlinkState_st);
    return CUDA_SUCCESS;
}

CUresult cuLinkAddData_v2(CUlinkState state, enum CUjitInputType_enum type, void *data, size_t size, const char *name, unsigned int count, enum CUjit_option_enum *options, void **values)
{
    CALL("%p, %d, %zu bytes, %s, %u options, %p, %p", (void *)state, type, size, name, count, (void *)options, (void *)values);
    if (type != CU_JIT_INPUT_PTX || ((char *)data)[size - 1] || state->code) return CUDA_ERROR_INVALID_VALUE;
    if (strstr(data, " bad.")) return CUDA_ERROR_INVALID_PTX;
    state->code = malloc(size + 5);
    snprintf(state->code, size + 5, "code:%s", (char *)data);
    return CUDA_SUCCESS;
}

CUresult cuLinkComplete(CUlinkState state, void **code, size_t *size)
{
    CALL("%p", (void *)state);
    *code = state->code;
    *size = strlen(state->code) + 1;
    return CUDA_SUCCESS;
}

// What was linked is gone with the link, to the last byte.
CUresult cuLinkDestroy(CUlinkState state)
{
    CALL("%p", (void *)state);
    if (state->code) memset(state->code, 0, strlen(state->code));
    free(state->code);
    return gone(state);
}

CUresult cuModuleUnload(CUmodule module) { CALL("%p", (void *)module); return gone(module); }

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    static struct CUfunc_st functions[16];
    CALL("%p, %s", (void *)module, name);
    *function = &functions[module->functions++ % 16];
    snprintf((*function)->name, sizeof (*function)->name, "%s", name);
    return CUDA_SUCCESS;
}

CUresult cuModuleGetGlobal_v2(CUdeviceptr *address, size_t *bytes, CUmodule module, const char *name)
{
    static char table[48];
    CALL("%p, %s", (void *)module, name);
    if (strcmp(name, "table")) return CUDA_ERROR_NOT_FOUND;
    *address = (CUdeviceptr)table;
    *bytes = sizeof table;
    return CUDA_SUCCESS;
}

CUresult cuFuncGetAttribute(int *value, enum CUfunction_attribute_enum attribute, CUfunction function) { CALL("%d, %p", attribute, (void *)function); *value = 2000 + attribute; return CUDA_SUCCESS; }
CUresult cuFuncSetAttribute(CUfunction function, enum CUfunction_attribute_enum attribute, int value) { CALL("%p, %d, %d", (void *)function, attribute, value); return CUDA_SUCCESS; }

CUresult cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, CUfunction function, int blockSize, size_t dynamicShared)
{
    CALL("%p, %d, %zu", (void *)function, blockSize, dynamicShared);
    *blocks = 2048 / blockSize;
    return CUDA_SUCCESS;
}

// The name of a function says how many bytes its parameters have: k_8_4
CUresult cuLaunchKernel(CUfunction function, unsigned int gx, unsigned int gy, unsigned int gz, unsigned int bx, unsigned int by, unsigned int bz, unsigned int shared, CUstream stream, void **parameters, void **extra)
{
    char bytes[1024] = "";
    int used = 0;
    for (char *size = strchr(function->name, '_'); size; size = strchr(size + 1, '_'), parameters++)
    {
        used += snprintf(bytes + used, sizeof bytes - used, " ");
        for (int i = 0; i < atoi(size + 1); i++) used += snprintf(bytes + used, sizeof bytes - used, "%02x", ((unsigned char *)*parameters)[i]);
    }
    CALL("%s, grid %u %u %u, block %u %u %u, %u shared, %p,%s, %p", function->name, gx, gy, gz, bx, by, bz, shared, (void *)stream, bytes, (void *)extra);
    return CUDA_SUCCESS;
}

// Memory

CUresult cuMemGetInfo_v2(size_t *free, size_t *total) { CALL(""); *free = 60ul << 30; *total = 80ul << 30; return CUDA_SUCCESS; }
CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t bytes) { CALL("%zu", bytes); *address = (CUdeviceptr)made(aligned_alloc(256, (bytes + 255) / 256 * 256)); return CUDA_SUCCESS; }
CUresult cuMemFree_v2(CUdeviceptr address) { CALL("%p", (void *)address); return gone((void *)address); }
CUresult cuMemAllocAsync(CUdeviceptr *address, size_t bytes, CUstream stream) { CALL("%zu, %p", bytes, (void *)stream); *address = (CUdeviceptr)made(malloc(bytes)); return CUDA_SUCCESS; }
CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream) { CALL("%p, %p", (void *)address, (void *)stream); return gone((void *)address); }
CUresult cuMemHostAlloc(void **pointer, size_t bytes, unsigned int flags) { CALL("%zu, %u", bytes, flags); *pointer = made(malloc(bytes)); return CUDA_SUCCESS; }
CUresult cuMemFreeHost(void *pointer) { CALL("%p", pointer); return gone(pointer); }

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t bytes, CUstream stream)
{
    CALL("%p, %p, %zu, %p", (void *)target, source, bytes, (void *)stream);
    memcpy((void *)target, source, bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t bytes, CUstream stream)
{
    CALL("%p, %p, %zu, %p", target, (void *)source, bytes, (void *)stream);
    memcpy(target, (void *)source, bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t bytes, CUstream stream)
{
    CALL("%p, %p, %zu, %p", (void *)target, (void *)source, bytes, (void *)stream);
    memmove((void *)target, (void *)source, bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemsetD8Async(CUdeviceptr target, unsigned char value, size_t count, CUstream stream)
{
    CALL("%p, %u, %zu, %p", (void *)target, value, count, (void *)stream);
    memset((void *)target, value, count);
    return CUDA_SUCCESS;
}

CUresult cuMemsetD32Async(CUdeviceptr target, unsigned int value, size_t count, CUstream stream)
{
    CALL("%p, %u, %zu, %p", (void *)target, value, count, (void *)stream);
    for (size_t i = 0; i < count; i++) ((unsigned int *)target)[i] = value;
    return CUDA_SUCCESS;
}

// Streams and graphs: a stream that is captured is not done

CUresult cuStreamCreate(CUstream *stream, unsigned int flags) { CALL("%u", flags); *stream = NEW(CUstream_st); return CUDA_SUCCESS; }
CUresult cuStreamDestroy_v2(CUstream stream) { CALL("%p", (void *)stream); return gone(stream); }
CUresult cuStreamSynchronize(CUstream stream) { CALL("%p", (void *)stream); return CUDA_SUCCESS; }
CUresult cuStreamQuery(CUstream stream) { CALL("%p", (void *)stream); return stream->capturing ? CUDA_ERROR_NOT_READY : CUDA_SUCCESS; }
CUresult cuStreamWaitEvent(CUstream stream, CUevent event, unsigned int flags) { CALL("%p, %p, %u", (void *)stream, (void *)event, flags); return CUDA_SUCCESS; }
CUresult cuStreamBeginCapture_v2(CUstream stream, enum CUstreamCaptureMode_enum mode) { CALL("%p, %d", (void *)stream, mode); stream->capturing = 1; return CUDA_SUCCESS; }

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
    CALL("%p", (void *)stream);
    if (!stream->capturing) return CUDA_ERROR_INVALID_VALUE;
    stream->capturing = 0;
    *graph = NEW(CUgraph_st);
    return CUDA_SUCCESS;
}

#ifndef WITHOUT_GRAPHS
CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph, unsigned long long flags) { CALL("%p, %llu", (void *)graph, flags); *executable = NEW(CUgraphExec_st); return CUDA_SUCCESS; }
#endif
CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream) { CALL("%p, %p", (void *)executable, (void *)stream); return CUDA_SUCCESS; }
CUresult cuGraphExecDestroy(CUgraphExec executable) { CALL("%p", (void *)executable); return gone(executable); }
CUresult cuGraphDestroy(CUgraph graph) { CALL("%p", (void *)graph); return gone(graph); }

// Events: a clock that ticks at each record, 1.5 ms a tick

CUresult cuEventCreate(CUevent *event, unsigned int flags) { CALL("%u", flags); *event = NEW(CUevent_st); return CUDA_SUCCESS; }
CUresult cuEventDestroy_v2(CUevent event) { CALL("%p", (void *)event); return gone(event); }
CUresult cuEventRecord(CUevent event, CUstream stream) { CALL("%p, %p", (void *)event, (void *)stream); event->time = ++now; return CUDA_SUCCESS; }
CUresult cuEventQuery(CUevent event) { CALL("%p", (void *)event); return event->time ? CUDA_SUCCESS : CUDA_ERROR_NOT_READY; }
CUresult cuEventSynchronize(CUevent event) { CALL("%p", (void *)event); return CUDA_SUCCESS; }
CUresult cuEventElapsedTime(float *milliseconds, CUevent start, CUevent end) { CALL("%p, %p", (void *)start, (void *)end); *milliseconds = 1.5f * (end->time - start->time); return CUDA_SUCCESS; }
