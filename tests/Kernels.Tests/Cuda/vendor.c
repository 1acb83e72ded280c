/* A stand-in for cuBLAS, cuBLASLt, cuDNN and NCCL: the recorded prototypes, plain loops over host memory. It runs on the emulator, whose device memory is memory of
   the process. Layouts and enum values are asserted here: a caller that gets one wrong aborts with a line number. */
#include <assert.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>

typedef struct { void *stream; int mathMode; } Handle;

int live_descriptors, live_handles; /* read by tests: made and not destroyed */
int cublas_version = 130100, cudnn_version = 91900; /* set by tests */

/* How often a function of cuDNN's layers was called; read by tests. */
static struct { const char *name; int count; } called[32];

int calls(const char *name)
{
    for (int i = 0; i < 32 && called[i].name != NULL; i++)
        if (strcmp(called[i].name, name) == 0) return called[i].count;
    return 0;
}

static void count(const char *name) /* a name is __func__, so that of a function is always at one address */
{
    int i = 0;
    while (called[i].name != NULL && called[i].name != name) assert(++i < 32);
    called[i].name = name;
    called[i].count++;
}

static void *made(size_t size) { live_descriptors++; return calloc(1, size); }
static int gone(void *descriptor) { assert(descriptor != NULL); live_descriptors--; free(descriptor); return 0; }

/* cuBLAS */
int cublasCreate_v2(Handle **handle) { *handle = calloc(1, sizeof(Handle)); live_handles++; return 0; }
int cublasDestroy_v2(Handle *handle) { free(handle); live_handles--; return 0; }
int cublasSetStream_v2(Handle *handle, void *stream) { handle->stream = stream; return 0; }
int cublasGetVersion_v2(Handle *handle, int *version) { (void)handle; *version = cublas_version; return 0; }
int cublasSetMathMode(Handle *handle, int mode) { handle->mathMode = mode; return 0; }

int cublasSgemmStridedBatched(Handle *handle, int transa, int transb, int m, int n, int k, const float *alpha, const float *A, int lda, long long strideA,
                              const float *B, int ldb, long long strideB, const float *beta, float *C, int ldc, long long strideC, int batchCount)
{
    assert(handle->stream != NULL && (transa == 0 || transa == 1) && (transb == 0 || transb == 1));
    if (m < 0 || n < 0 || k < 0 || lda < (transa ? k : m) || ldb < (transb ? n : k) || ldc < m) return 7;
    for (int batch = 0; batch < batchCount; batch++)
        for (int j = 0; j < n; j++)
            for (int i = 0; i < m; i++) {
                const float *a = A + batch * strideA, *b = B + batch * strideB;
                float *c = C + batch * strideC + i + (long long)j * ldc;
                double sum = 0;
                for (int p = 0; p < k; p++)
                    sum += (double)(transa ? a[p + (long long)i * lda] : a[i + (long long)p * lda]) * (transb ? b[j + (long long)p * ldb] : b[p + (long long)j * ldb]);
                *c = (float)(*alpha * sum) + (*beta == 0 ? 0 : *beta * *c);
            }
    return 0;
}

/* cuDNN */
typedef struct { int n, c, h, w, nchw; } Tensor;
typedef struct { int k, c, r, s; } Filter;
typedef struct { int padH, padW, strideH, strideW, dilationH, dilationW, groups, mathType; } Convolution;
typedef struct { int algo, status; float time; size_t memory; int determinism, mathType, reserved[3]; } Performance;

_Static_assert(sizeof(Performance) == 48 && offsetof(Performance, memory) == 16 && offsetof(Performance, mathType) == 28, "cudnnConvolutionFwdAlgoPerf_t");

int cudnnCreate(Handle **handle) { *handle = calloc(1, sizeof(Handle)); live_handles++; return 0; }
int cudnnDestroy(Handle *handle) { free(handle); live_handles--; return 0; }
int cudnnSetStream(Handle *handle, void *stream) { handle->stream = stream; return 0; }
size_t cudnnGetVersion(void) { return cudnn_version; }
const char *cudnnGetErrorString(int status) { return status == 3000 ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_BAD_PARAM"; }
int cudnnCreateTensorDescriptor(Tensor **d) { *d = made(sizeof(Tensor)); return 0; }
int cudnnDestroyTensorDescriptor(Tensor *d) { return gone(d); }
int cudnnCreateFilterDescriptor(Filter **d) { *d = made(sizeof(Filter)); return 0; }
int cudnnDestroyFilterDescriptor(Filter *d) { return gone(d); }
int cudnnCreateConvolutionDescriptor(Convolution **d) { *d = made(sizeof(Convolution)); (*d)->groups = 1; return 0; }
int cudnnDestroyConvolutionDescriptor(Convolution *d) { return gone(d); }

int cudnnSetTensor4dDescriptor(Tensor *d, int format, int dataType, int n, int c, int h, int w)
{
    assert((format == 0 /* NCHW */ || format == 1 /* NHWC */) && dataType == 0 /* FLOAT */ && n > 0 && c > 0 && h > 0 && w > 0);
    *d = (Tensor){n, c, h, w, format == 0};
    return 0;
}

int cudnnSetFilter4dDescriptor(Filter *d, int dataType, int format, int k, int c, int h, int w)
{
    assert(format == 1 && dataType == 0);
    *d = (Filter){k, c, h, w};
    return 0;
}

int cudnnSetConvolution2dDescriptor(Convolution *d, int padH, int padW, int u, int v, int dilationH, int dilationW, int mode, int computeType)
{
    assert(mode == 1 /* CROSS_CORRELATION */ && computeType == 0);
    *d = (Convolution){padH, padW, u, v, dilationH, dilationW, 1, 0};
    return 0;
}

int cudnnSetConvolutionGroupCount(Convolution *d, int groups) { d->groups = groups; return 0; }
int cudnnSetConvolutionMathType(Convolution *d, int type) { assert(type == 0 || type == 3); d->mathType = type; return 0; }

int find_calls; /* read by tests */

/* The first of the answers is fast but sums in any order, the second fails, the third is the one to take. Dilated convolutions are not supported; those of
   kernels of five rows are found, and refused when they are run; those of seven fail. */
static int find(const char *name, const Convolution *conv, int requested, int *returned, Performance *results, void *workspace, size_t size)
{
    assert(workspace != NULL && size >= 1024);
    find_calls++;
    count(name);
    if (conv->dilationH > 1 || conv->dilationW > 1) return 3000;
    int math = conv->mathType;
    Performance all[3] = {{0, 0, 1, 0, 0, math, {0}}, {2, 3000, -1, 0, 1, math, {0}}, {1, 0, 2, 1024, 1, math, {0}}};
    *returned = requested < 3 ? requested : 3;
    for (int i = 0; i < *returned; i++) results[i] = all[i];
    return 0;
}

int cudnnFindConvolutionForwardAlgorithmEx(Handle *h, Tensor *xd, const void *x, Filter *wd, const void *w, Convolution *conv, Tensor *yd, void *y, const int requested, int *returned, Performance *results, void *workspace, size_t size)
{
    (void)h; (void)xd; (void)x; (void)wd; (void)w; (void)yd; (void)y;
    return find(__func__, conv, requested, returned, results, workspace, size);
}

int cudnnFindConvolutionBackwardDataAlgorithmEx(Handle *h, Filter *wd, const void *w, Tensor *dyd, const void *dy, Convolution *conv, Tensor *dxd, void *dx, const int requested, int *returned, Performance *results, void *workspace, size_t size)
{
    (void)h; (void)dxd; (void)dx; (void)wd; (void)w; (void)dyd; (void)dy;
    return find(__func__, conv, requested, returned, results, workspace, size);
}

int cudnnFindConvolutionBackwardFilterAlgorithmEx(Handle *h, Tensor *xd, const void *x, Tensor *dyd, const void *dy, Convolution *conv, Filter *dwd, void *dw, const int requested, int *returned, Performance *results, void *workspace, size_t size)
{
    (void)h; (void)xd; (void)x; (void)dwd; (void)dw; (void)dyd; (void)dy;
    return find(__func__, conv, requested, returned, results, workspace, size);
}

/* y += x * w, or gx += gy * w, or gw += x * gy, over every product of the convolution. */
static void products(const Tensor *xd, const Filter *wd, const Tensor *yd, const Convolution *c, float *x, float *w, float *y, int result)
{
    int perGroup = wd->k / c->groups;
    assert(!xd->nchw && !yd->nchw);
    assert(wd->c * c->groups == xd->c && yd->c == wd->k && yd->n == xd->n);
    for (int n = 0; n < yd->n; n++)
        for (int i = 0; i < yd->h; i++)
            for (int j = 0; j < yd->w; j++)
                for (int k = 0; k < wd->k; k++)
                    for (int r = 0; r < wd->r; r++)
                        for (int s = 0; s < wd->s; s++) {
                            int h = i * c->strideH - c->padH + r * c->dilationH, v = j * c->strideW - c->padW + s * c->dilationW;
                            if (h < 0 || h >= xd->h || v < 0 || v >= xd->w) continue;
                            for (int q = 0; q < wd->c; q++) {
                                float *px = x + ((long long)(n * xd->h + h) * xd->w + v) * xd->c + (k / perGroup) * wd->c + q;
                                float *pw = w + ((long long)(k * wd->r + r) * wd->s + s) * wd->c + q;
                                float *py = y + ((long long)(n * yd->h + i) * yd->w + j) * yd->c + k;
                                if (result == 0) *py += *px * *pw;
                                else if (result == 1) *px += *py * *pw;
                                else *pw += *px * *py;
                            }
                        }
}

static void zero(float *p, long long n) { for (long long i = 0; i < n; i++) p[i] = 0; }

int cudnnConvolutionForward(Handle *h, const void *alpha, Tensor *xd, const void *x, Filter *wd, const void *w, Convolution *conv, int algo, void *workspace, size_t size, const void *beta, Tensor *yd, void *y)
{
    assert(h->stream != NULL && *(const float *)alpha == 1 && *(const float *)beta == 0 && algo == 1 && workspace != NULL && size == 1024);
    count(__func__);
    if (wd->r == 5) return 3000;
    if (wd->r == 7) return 2000;
    zero(y, (long long)yd->n * yd->c * yd->h * yd->w);
    products(xd, wd, yd, conv, (float *)x, (float *)w, y, 0);
    return 0;
}

int cudnnConvolutionBackwardData(Handle *h, const void *alpha, Filter *wd, const void *w, Tensor *dyd, const void *dy, Convolution *conv, int algo, void *workspace, size_t size, const void *beta, Tensor *dxd, void *dx)
{
    assert(h->stream != NULL && *(const float *)alpha == 1 && *(const float *)beta == 0 && algo == 1 && workspace != NULL && size == 1024);
    count(__func__);
    zero(dx, (long long)dxd->n * dxd->c * dxd->h * dxd->w);
    products(dxd, wd, dyd, conv, dx, (float *)w, (float *)dy, 1);
    return 0;
}

int cudnnConvolutionBackwardFilter(Handle *h, const void *alpha, Tensor *xd, const void *x, Tensor *dyd, const void *dy, Convolution *conv, int algo, void *workspace, size_t size, const void *beta, Filter *dwd, void *dw)
{
    assert(h->stream != NULL && *(const float *)alpha == 1 && *(const float *)beta == 0 && algo == 1 && workspace != NULL && size == 1024);
    count(__func__);
    zero(dw, (long long)dwd->k * dwd->c * dwd->r * dwd->s);
    products(xd, dwd, dyd, conv, (float *)x, dw, (float *)dy, 2);
    return 0;
}

#include "vendor_layers.c"
#include "vendor_lt.c"
