/* A stand-in for cuBLASLt and NCCL: layouts, types, alignments and enum values are asserted, products are plain loops. Included by vendor.c. */
#include <stdint.h>
#include <string.h>

typedef struct { int computeType, transA, transB, epilogue; const float *bias; } Product;
typedef struct { int type; uint64_t rows, columns; int64_t leading, step; int batch; } Matrix;
typedef struct { uint64_t workspace; uint32_t schemes, alignments[4]; } Preference;
typedef struct { uint64_t data[8]; } Algorithm;
typedef struct { Algorithm algo; size_t workspace; int state; float waves; int reserved[4]; } Found;

_Static_assert(sizeof(Found) == 96 && offsetof(Found, state) == 72, "cublasLtMatmulHeuristicResult_t");

int cublasLtCreate(Handle **handle) { *handle = calloc(1, sizeof(Handle)); live_handles++; return 0; }
int cublasLtDestroy(Handle *handle) { free(handle); live_handles--; return 0; }
size_t cublasLtGetVersion(void) { return cublas_version; }

int cublasLtMatmulDescCreate(Product **d, int computeType, int scaleType)
{
    assert((computeType == 68 /* 32F */ || computeType == 77 /* 32F_FAST_TF32 */) && scaleType == 0 /* R_32F */);
    *d = made(sizeof(Product));
    (*d)->computeType = computeType;
    (*d)->epilogue = 1;
    return 0;
}

int cublasLtMatmulDescDestroy(Product *d) { return gone(d); }

int cublasLtMatmulDescSetAttribute(Product *d, int attribute, const void *value, size_t size)
{
    if (attribute == 8 /* BIAS_POINTER */) {
        assert(size == 8);
        d->bias = *(const float *const *)value;
        return 0;
    }
    assert(size == 4);
    int v = *(const int *)value;
    if (attribute == 3) d->transA = v;
    else if (attribute == 4) d->transB = v;
    else if (attribute == 7) d->epilogue = v;
    else return 7;
    assert(attribute == 7 ? v == 1 || v == 2 || v == 4 || v == 6 : v == 0 || v == 1);
    return 0;
}

int cublasLtMatrixLayoutCreate(Matrix **m, int type, uint64_t rows, uint64_t columns, int64_t leading)
{
    assert((type == 0 || type == 2 || type == 14) && leading >= (int64_t)rows);
    *m = made(sizeof(Matrix));
    **m = (Matrix){type, rows, columns, leading, 0, 1};
    return 0;
}

int cublasLtMatrixLayoutDestroy(Matrix *m) { return gone(m); }

int cublasLtMatrixLayoutSetAttribute(Matrix *m, int attribute, const void *value, size_t size)
{
    if (attribute == 5) { assert(size == 4); m->batch = *(const int *)value; }
    else if (attribute == 6) { assert(size == 8); m->step = *(const int64_t *)value; }
    else return 7;
    return 0;
}

int cublasLtMatmulPreferenceCreate(Preference **p) { *p = made(sizeof(Preference)); (*p)->schemes = 7; return 0; }
int cublasLtMatmulPreferenceDestroy(Preference *p) { return gone(p); }

int cublasLtMatmulPreferenceSetAttribute(Preference *p, int attribute, const void *value, size_t size)
{
    if (attribute == 1) { assert(size == 8); p->workspace = *(const uint64_t *)value; }
    else if (attribute == 3) { assert(size == 4); p->schemes = *(const uint32_t *)value; }
    else if (attribute >= 5 && attribute <= 8) { assert(size == 4); p->alignments[attribute - 5] = *(const uint32_t *)value; }
    else return 7;
    return 0;
}

/* What the algorithm remembers: that it is one, and the alignments that it was promised. The first proposal fails, the second wants too much memory. A K of 17
   is supported by nothing. */
int cublasLtMatmulAlgoGetHeuristic(Handle *handle, Product *d, Matrix *a, Matrix *b, Matrix *c, Matrix *y, Preference *p, int requested, Found *found, int *returned)
{
    assert(handle != NULL && p->schemes == 6 /* COMPUTE_TYPE | OUTPUT_TYPE */ && p->workspace >= 1 << 20 && requested >= 3);
    assert(a->type == b->type && c->type == y->type && (y->type == 0 || y->type == a->type) && ((d->epilogue & 4) == 0 || y->type == 0) && a->batch == y->batch && b->batch == y->batch && c->batch == y->batch);
    uint64_t k = d->transA ? a->rows : a->columns;
    if (k == 17) return 15;
    memset(found, 0, 3 * sizeof(Found));
    found[0].state = 15;
    found[1].workspace = p->workspace + 1;
    found[2].workspace = 512;
    found[2].algo.data[0] = 0x4c74;
    for (int i = 0; i < 4; i++) found[2].algo.data[1 + i] = p->alignments[i];
    *returned = 3;
    return 0;
}

static double element(const void *p, int type, int64_t i)
{
    if (type == 0) return ((const float *)p)[i];
    uint16_t h = ((const uint16_t *)p)[i];
    if (type == 14) {
        uint32_t bits = (uint32_t)h << 16;
        float f;
        memcpy(&f, &bits, 4);
        return f;
    }
    int exponent = h >> 10 & 31, fraction = h & 1023;
    double v = exponent == 0 ? fraction * 0x1p-24 : (1024 + fraction) * pow(2, exponent - 25);
    return h & 0x8000 ? -v : v;
}

/* Rounds to the nearest, of two to the even one. */
static void put(void *p, int type, int64_t i, double v)
{
    if (type == 0) {
        ((float *)p)[i] = (float)v;
        return;
    }
    uint16_t h;
    if (type == 14) {
        float f = (float)v;
        uint32_t bits;
        memcpy(&bits, &f, 4);
        h = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
    } else {
        int exponent;
        frexp(v, &exponent);
        exponent = v == 0 || exponent - 1 < -14 ? -14 : exponent - 1;
        h = fabs(v) >= 65520 ? 0x7c00 : (uint16_t)(rint(ldexp(fabs(v), 10 - exponent)) + (exponent + 14) * 1024);
        if (signbit(v)) h |= 0x8000;
    }
    ((uint16_t *)p)[i] = h;
}

int lt_calls; /* read by tests */

int cublasLtMatmul(Handle *handle, Product *d, const void *alpha, const void *A, Matrix *a, const void *B, Matrix *b, const void *beta, const void *C, Matrix *c, void *D, Matrix *y, const Algorithm *algo,
                   void *workspace, size_t size, void *stream)
{
    assert(handle != NULL && stream != NULL && algo->data[0] == 0x4c74 && workspace != NULL && size == 512);
    lt_calls++;
    const void *operands[4] = {A, B, C, D};
    for (int i = 0; i < 4; i++) assert(algo->data[1 + i] > 0 && (uintptr_t)operands[i] % algo->data[1 + i] == 0);
    assert((d->epilogue & 4) == 0 || d->bias != NULL);
    int64_t k = d->transA ? a->rows : a->columns;
    assert((d->transA ? a->columns : a->rows) == y->rows && (d->transB ? b->rows : b->columns) == y->columns && (int64_t)(d->transB ? b->columns : b->rows) == k);
    for (int batch = 0; batch < y->batch; batch++)
        for (int64_t j = 0; j < (int64_t)y->columns; j++)
            for (int64_t i = 0; i < (int64_t)y->rows; i++) {
                double sum = 0;
                for (int64_t p = 0; p < k; p++)
                    sum += element(A, a->type, batch * a->step + (d->transA ? p + i * a->leading : i + p * a->leading)) * element(B, b->type, batch * b->step + (d->transB ? j + p * b->leading : p + j * b->leading));
                sum *= *(const float *)alpha;
                if (*(const float *)beta != 0) sum += *(const float *)beta * element(C, c->type, batch * c->step + i + j * c->leading);
                if (d->epilogue & 4) sum += d->bias[i];
                if ((d->epilogue & 2) && sum < 0) sum = 0;
                put(D, y->type, batch * y->step + i + j * y->leading, sum);
            }
    return 0;
}

/* NCCL of one rank */
typedef struct { char internal[128]; } UniqueId;
typedef struct { int ranks, rank; } Communicator;

int ncclGetVersion(int *version) { *version = 22809; return 0; }
int ncclGetUniqueId(UniqueId *id) { memset(id->internal, 7, sizeof id->internal); return 0; }
const char *ncclGetErrorString(int result) { return result == 4 ? "invalid argument" : "no error"; }

int ncclCommInitRank(Communicator **comm, int ranks, UniqueId id, int rank)
{
    for (size_t i = 0; i < sizeof id.internal; i++) assert(id.internal[i] == 7);
    if (rank < 0 || rank >= ranks) return 4;
    *comm = malloc(sizeof(Communicator));
    **comm = (Communicator){ranks, rank};
    return 0;
}

int ncclCommInitAll(Communicator **comm, int devices, const int *list) { (void)list; for (int i = 0; i < devices; i++) { comm[i] = malloc(sizeof(Communicator)); *comm[i] = (Communicator){devices, i}; } return 0; }
int ncclCommDestroy(Communicator *comm) { free(comm); return 0; }
int ncclCommAbort(Communicator *comm) { free(comm); return 0; }
int ncclCommGetAsyncError(Communicator *comm, int *error) { assert(comm != NULL); *error = 0; return 0; }
int ncclCommCount(Communicator *comm, int *count) { *count = comm->ranks; return 0; }
int ncclCommCuDevice(Communicator *comm, int *device) { *device = comm->rank; return 0; }
int ncclCommUserRank(Communicator *comm, int *rank) { *rank = comm->rank; return 0; }

static int share(const void *send, void *receive, size_t count, int type, Communicator *comm, void *stream)
{
    assert(type == 7 /* float32 */ && comm->ranks == 1 && stream != NULL);
    memmove(receive, send, count * sizeof(float));
    return 0;
}

int ncclAllReduce(const void *send, void *receive, size_t count, int type, int op, Communicator *comm, void *stream) { assert(op == 0 || op == 4); return share(send, receive, count, type, comm, stream); }
int ncclBroadcast(const void *send, void *receive, size_t count, int type, int root, Communicator *comm, void *stream) { assert(root == 0); return share(send, receive, count, type, comm, stream); }
int ncclReduce(const void *send, void *receive, size_t count, int type, int op, int root, Communicator *comm, void *stream) { assert(op == 0 && root == 0); return share(send, receive, count, type, comm, stream); }
int ncclAllGather(const void *send, void *receive, size_t count, int type, Communicator *comm, void *stream) { return share(send, receive, count, type, comm, stream); }
int ncclReduceScatter(const void *send, void *receive, size_t count, int type, int op, Communicator *comm, void *stream) { assert(op == 0); return share(send, receive, count, type, comm, stream); }
int ncclGroupStart(void) { return 0; }
int ncclGroupEnd(void) { return 0; }
