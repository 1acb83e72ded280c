using System.Runtime.InteropServices;

namespace Tessera.Cli;

/// <summary>Ctrl-C and a request to end cancel a token instead of ending the process, until disposed.</summary>
sealed class Interrupt : IDisposable
{
    readonly CancellationTokenSource source = new();
    readonly PosixSignalRegistration interrupt, terminate;

    public Interrupt()
    {
        interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Cancel);
        terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Cancel);
    }

    public CancellationToken Token => source.Token;

    void Cancel(PosixSignalContext signal)
    {
        signal.Cancel = true;
        source.Cancel();
    }

    public void Dispose()
    {
        interrupt.Dispose();
        terminate.Dispose();
        source.Dispose();
    }
}
