namespace Tessera.Cuda;

/// <content>What follows a convolution or matrix product whose kernel does not do it itself: one pass over the result.</content>
internal sealed unsafe partial class CudaBackend
{
    private protected override void Finish(View y, in Epilogue epilogue, int channel)
    {
        if (y.Count == 0 || !IsRows(channel, y, epilogue.Residual))
        {
            base.Finish(y, epilogue, channel);
            return;
        }
        if (epilogue.Bias is not null || epilogue.Residual is not null || epilogue.Relu)
        {
            ExpectFloat("epilogue", y, epilogue.Residual ?? y);
            Temporary? copy = null;
            var bias = DenseNorm.Dense(epilogue.Bias, ref copy);
            var rows = RowsOf(y.Shape[channel], y, epilogue.Residual);
            Launch(WithRelu("epilogue.ptx", rows.Entry("finish")), rows.Grid, rows.Block, [y, bias, epilogue.Residual, epilogue.Relu ? 1 : 0, rows.Rows, rows.C]);
            copy?.Dispose();
        }
        if (epilogue.Moments is { } moments) Moments(y, moments, channel);
    }
}
