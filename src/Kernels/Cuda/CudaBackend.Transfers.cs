namespace Tessera.Cuda;

/// <content>Bytes between host and device. Uploads return at once, also from memory that is written again; downloads wait.</content>
internal sealed unsafe partial class CudaBackend
{
    readonly UploadRing uploads;
    readonly IndexChecks checks;

    public override void Upload(ReadOnlySpan<byte> source, Storage target, long offset = 0) => uploads.Send(source, target.Pointer + (nint)offset);

    public override void Download(Storage source, Span<byte> target, long offset = 0)
    {
        if (target.IsEmpty) return;
        fixed (byte* p = target)
        {
            Check(Driver.MemcpyDtoHAsync((nint)p, source.Pointer + (nint)offset, target.Length, stream), "cuMemcpyDtoHAsync");
            checks.Wait("cuStreamSynchronize after a download");
        }
    }

    public override void Synchronize() => checks.Wait("cuStreamSynchronize");
}
