using System.Runtime.InteropServices;

namespace Tessera.Cli;

/// <summary>Ctrl-C and a request to end cancel a token instead of ending the process, until disposed. The second one ends the process at once.</summary>
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

    /// <summary>Writes a file to its end, so that none is left half written; stops then, where that was asked for.</summary>
    /// <exception cref="OperationCanceledException">It was.</exception>
    public static void AfterWriting(Action write)
    {
        using var interrupt = new Interrupt();
        write();
        interrupt.Token.ThrowIfCancellationRequested();
    }

    void Cancel(PosixSignalContext signal)
    {
        signal.Cancel = !source.IsCancellationRequested;
        source.Cancel();
    }

    public void Dispose()
    {
        interrupt.Dispose();
        terminate.Dispose();
        source.Dispose();
    }
}

/// <summary>The work was interrupted; the message says what is left of it.</summary>
sealed class StoppedException(string message) : OperationCanceledException(message);
