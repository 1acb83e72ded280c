/* The part of the stand-in for cuDNN that is batch norm, pools and softmax: plain loops in double precision. Included by vendor.c. */
#include <math.h>

typedef struct { int mode, h, w, padH, padW, strideH, strideW; } Pool;

/* Element (n, c, h, w) of a tensor in its own order. */
static long long at(const Tensor *d, int n, int c, int h, int w)
{
    return d->nchw ? (((long long)n * d->c + c) * d->h + h) * d->w + w : (((long long)n * d->h + h) * d->w + w) * d->c + c;
}

int layer_calls; /* read by tests */

static void plain(const char *name, const void *alpha, const void *beta)
{
    layer_calls++;
    count(name);
    assert(*(const float *)alpha == 1 && *(const float *)beta == 0);
}

int cudnnDeriveBNTensorDescriptor(Tensor *derived, const Tensor *x, int mode)
{
    assert(mode == 1 /* SPATIAL */);
    *derived = (Tensor){1, x->c, 1, 1, 0};
    return 0;
}

static int supported(const Tensor *x, const Tensor *y, const Tensor *channels)
{
    assert(!x->nchw && !y->nchw && channels->n == 1 && channels->c == x->c && channels->h == 1 && channels->w == 1);
    assert(x->n == y->n && x->c == y->c && x->h == y->h && x->w == y->w);
    return x->c != 13; /* a number of channels that this cuDNN has no way for */
}

int cudnnBatchNormalizationForwardInference(Handle *handle, int mode, const void *alpha, const void *beta, const Tensor *xd, const void *x, const Tensor *yd, void *y, const Tensor *cd,
                                            const void *scale, const void *bias, const void *mean, const void *variance, double epsilon)
{
    assert(handle->stream != NULL && mode == 1 && epsilon > 0);
    plain(__func__, alpha, beta);
    if (!supported(xd, yd, cd)) return 3002;
    long long rows = (long long)xd->n * xd->h * xd->w;
    for (long long i = 0; i < rows * xd->c; i++) {
        int c = (int)(i % xd->c);
        ((float *)y)[i] = (float)((((const float *)x)[i] - ((const float *)mean)[c]) / sqrt(((const float *)variance)[c] + epsilon) * ((const float *)scale)[c] + ((const float *)bias)[c]);
    }
    return 0;
}

int cudnnBatchNormalizationForwardTraining(Handle *handle, int mode, const void *alpha, const void *beta, const Tensor *xd, const void *x, const Tensor *yd, void *y, const Tensor *cd,
                                           const void *scale, const void *bias, double factor, void *runningMean, void *runningVariance, double epsilon, void *saveMean, void *saveInverse)
{
    assert(handle->stream != NULL && mode == 1 && epsilon > 0 && factor >= 0 && factor <= 1);
    plain(__func__, alpha, beta);
    if (!supported(xd, yd, cd)) return 9; /* as cuDNN 8 says it */
    long long rows = (long long)xd->n * xd->h * xd->w;
    const float *in = x;
    for (int c = 0; c < xd->c; c++) {
        double mean = 0, variance = 0;
        for (long long i = 0; i < rows; i++) mean += in[i * xd->c + c];
        mean /= rows;
        for (long long i = 0; i < rows; i++) variance += (in[i * xd->c + c] - mean) * (in[i * xd->c + c] - mean);
        variance /= rows;
        float *m = (float *)runningMean + c, *v = (float *)runningVariance + c;
        *m = (float)((1 - factor) * *m + factor * mean);
        *v = (float)((1 - factor) * *v + factor * variance * rows / (rows - 1));
        double inverse = 1 / sqrt(variance + epsilon);
        ((float *)saveMean)[c] = (float)mean;
        ((float *)saveInverse)[c] = (float)inverse;
        for (long long i = 0; i < rows; i++) ((float *)y)[i * xd->c + c] = (float)((in[i * xd->c + c] - mean) * inverse * ((const float *)scale)[c] + ((const float *)bias)[c]);
    }
    return 0;
}

int cudnnBatchNormalizationBackward(Handle *handle, int mode, const void *alpha, const void *beta, const void *alphaParam, const void *betaParam, const Tensor *xd, const void *x,
                                    const Tensor *gyd, const void *gy, const Tensor *gxd, void *gx, const Tensor *cd, const void *scale, void *gscale, void *gbias, double epsilon,
                                    const void *saveMean, const void *saveInverse)
{
    assert(handle->stream != NULL && mode == 1 && epsilon > 0 && gx != gy);
    plain(__func__, alpha, beta);
    plain(__func__, alphaParam, betaParam);
    if (!supported(xd, gyd, cd)) return 3001;
    assert(gxd->n == xd->n && gxd->c == xd->c && gxd->h == xd->h && gxd->w == xd->w);
    long long rows = (long long)xd->n * xd->h * xd->w;
    const float *in = x, *g = gy;
    for (int c = 0; c < xd->c; c++) {
        double mean = ((const float *)saveMean)[c], inverse = ((const float *)saveInverse)[c], sum = 0, dot = 0;
        for (long long i = 0; i < rows; i++) {
            sum += g[i * xd->c + c];
            dot += g[i * xd->c + c] * (in[i * xd->c + c] - mean) * inverse;
        }
        ((float *)gscale)[c] = (float)dot;
        ((float *)gbias)[c] = (float)sum;
        for (long long i = 0; i < rows; i++)
            ((float *)gx)[i * xd->c + c] = (float)(((const float *)scale)[c] * inverse * (g[i * xd->c + c] - sum / rows - (in[i * xd->c + c] - mean) * inverse * dot / rows));
    }
    return 0;
}

int cudnnCreatePoolingDescriptor(Pool **d) { *d = made(sizeof(Pool)); return 0; }
int cudnnDestroyPoolingDescriptor(Pool *d) { return gone(d); }

int cudnnSetPooling2dDescriptor(Pool *d, int mode, int nan, int h, int w, int padH, int padW, int strideH, int strideW)
{
    assert(mode >= 0 && mode <= 2 && nan == 1 /* PROPAGATE_NAN */ && padH < h && padW < w);
    *d = (Pool){mode, h, w, padH, padW, strideH, strideW};
    return 0;
}

static void fits(const Pool *p, const Tensor *x, const Tensor *y)
{
    assert(y->n == x->n && y->c == x->c && y->h == 1 + (x->h + 2 * p->padH - p->h) / p->strideH && y->w == 1 + (x->w + 2 * p->padW - p->w) / p->strideW);
}

/* The elements of x in a window, and how many there are. */
static int window(const Pool *p, const Tensor *x, int n, int c, int i, int j, long long *elements)
{
    int count = 0;
    for (int r = 0; r < p->h; r++)
        for (int s = 0; s < p->w; s++) {
            int h = i * p->strideH - p->padH + r, w = j * p->strideW - p->padW + s;
            if (h >= 0 && h < x->h && w >= 0 && w < x->w) elements[count++] = at(x, n, c, h, w);
        }
    return count;
}

int cudnnPoolingForward(Handle *handle, const Pool *p, const void *alpha, const Tensor *xd, const void *x, const void *beta, const Tensor *yd, void *y)
{
    assert(handle->stream != NULL && p->h * p->w <= 256);
    plain(__func__, alpha, beta);
    if (p->h == 5) return 3000;
    fits(p, xd, yd);
    long long elements[256];
    for (int n = 0; n < yd->n; n++)
        for (int c = 0; c < yd->c; c++)
            for (int i = 0; i < yd->h; i++)
                for (int j = 0; j < yd->w; j++) {
                    int count = window(p, xd, n, c, i, j, elements);
                    double result = p->mode == 0 ? -INFINITY : 0;
                    for (int k = 0; k < count; k++) {
                        float v = ((const float *)x)[elements[k]];
                        if (p->mode != 0) result += v;
                        else if (v > result || v != v) result = v;
                    }
                    ((float *)y)[at(yd, n, c, i, j)] = (float)(p->mode == 0 ? result : result / (p->mode == 1 ? p->h * p->w : count));
                }
    return 0;
}

int cudnnPoolingBackward(Handle *handle, const Pool *p, const void *alpha, const Tensor *yd, const void *y, const Tensor *gyd, const void *gy, const Tensor *xd, const void *x, const void *beta, const Tensor *gxd, void *gx)
{
    assert(handle->stream != NULL && p->mode != 0 && y != NULL && x != NULL && gyd->h == yd->h && gxd->h == xd->h);
    plain(__func__, alpha, beta);
    if (p->h == 5) return 9;
    fits(p, xd, yd);
    long long elements[256];
    zero(gx, (long long)gxd->n * gxd->c * gxd->h * gxd->w);
    for (int n = 0; n < gyd->n; n++)
        for (int c = 0; c < gyd->c; c++)
            for (int i = 0; i < gyd->h; i++)
                for (int j = 0; j < gyd->w; j++) {
                    int count = window(p, gxd, n, c, i, j, elements);
                    for (int k = 0; k < count; k++) ((float *)gx)[elements[k]] += ((const float *)gy)[at(gyd, n, c, i, j)] / (p->mode == 1 ? p->h * p->w : count);
                }
    return 0;
}

int cudnnSoftmaxForward(Handle *handle, int algo, int mode, const void *alpha, const Tensor *xd, const void *x, const void *beta, const Tensor *yd, void *y)
{
    assert(handle->stream != NULL && (algo == 1 /* ACCURATE */ || algo == 2 /* LOG */) && mode == 1 /* CHANNEL */ && xd->nchw && yd->nchw && xd->w == 1);
    plain(__func__, alpha, beta);
    if (xd->c == 13) return 3002;
    const float *in = x;
    for (int n = 0; n < xd->n; n++)
        for (int h = 0; h < xd->h; h++) {
            double largest = -INFINITY, sum = 0;
            for (int c = 0; c < xd->c; c++) largest = fmax(largest, in[at(xd, n, c, h, 0)]);
            for (int c = 0; c < xd->c; c++) sum += exp(in[at(xd, n, c, h, 0)] - largest);
            for (int c = 0; c < xd->c; c++) {
                double z = in[at(xd, n, c, h, 0)] - largest;
                ((float *)y)[at(yd, n, c, h, 0)] = (float)(algo == 2 ? z - log(sum) : exp(z) / sum);
            }
        }
    return 0;
}

int cudnnSoftmaxBackward(Handle *handle, int algo, int mode, const void *alpha, const Tensor *yd, const void *y, const Tensor *gyd, const void *gy, const void *beta, const Tensor *gxd, void *gx)
{
    assert(handle->stream != NULL && (algo == 1 || algo == 2) && mode == 1 && yd->nchw && gyd->nchw && gxd->nchw);
    plain(__func__, alpha, beta);
    if (yd->c == 13) return 3002;
    for (int n = 0; n < yd->n; n++)
        for (int h = 0; h < yd->h; h++) {
            double sum = 0;
            for (int c = 0; c < yd->c; c++) sum += (double)((const float *)gy)[at(gyd, n, c, h, 0)] * (algo == 2 ? 1 : ((const float *)y)[at(yd, n, c, h, 0)]);
            for (int c = 0; c < yd->c; c++) {
                double s = ((const float *)y)[at(yd, n, c, h, 0)], g = ((const float *)gy)[at(gyd, n, c, h, 0)];
                ((float *)gx)[at(gxd, n, c, h, 0)] = (float)(algo == 2 ? g - exp(s) * sum : s * (g - sum));
            }
        }
    return 0;
}
