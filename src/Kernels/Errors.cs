namespace Tessera;

/// <summary>
/// Base of every error Tessera raises on purpose. The message has the form
/// <c>Op: what is wrong: got ..., expected .... Hint: ...</c>
/// </summary>
public class TesseraException : Exception
{
    /// <summary>An error with its whole message.</summary>
    public TesseraException(string message) : base(message) { }

    /// <summary>An error with its whole message and the error that caused it.</summary>
    public TesseraException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>Shapes that do not fit the operation.</summary>
public sealed class ShapeException(string message) : TesseraException(message);

/// <summary>An element type the operation does not take.</summary>
public sealed class DTypeException(string message) : TesseraException(message);

/// <summary>A device that does not exist, or tensors on different devices.</summary>
public sealed class DeviceException(string message) : TesseraException(message);

/// <summary>A file that cannot be read as what it claims to be.</summary>
public sealed class DataException : TesseraException
{
    /// <summary>A message that starts with the file's name.</summary>
    public DataException(string message) : base(message) { }

    /// <summary>A message that starts with the file's name, and the cause.</summary>
    public DataException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>Misuse of automatic differentiation: double use of a tape, an input changed in place, a gradient of a non-scalar.</summary>
public sealed class AutogradException(string message) : TesseraException(message);

/// <summary>The device's memory budget does not hold what was asked for.</summary>
public sealed class OutOfDeviceMemoryException : TesseraException
{
    /// <summary>A message that says how much was asked for and how much there is.</summary>
    public OutOfDeviceMemoryException(string message) : base(message) { }

    /// <summary>A message that says where, and the error of the memory itself.</summary>
    public OutOfDeviceMemoryException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>PTX text that is wrong, or that asks for what it must not. The message starts with file, line and column.</summary>
public sealed class PtxException : TesseraException
{
    /// <summary>A mistake at a place in a text.</summary>
    /// <param name="file">The file, or a name for the text.</param>
    /// <param name="line">The line, from 1.</param>
    /// <param name="column">The column, from 1.</param>
    /// <param name="rule">The kind of rule that was broken: <c>syntax</c>, <c>type</c>, <c>target</c> ...</param>
    /// <param name="message">What is wrong.</param>
    public PtxException(string file, int line, int column, string rule, string message)
        : base(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{file}:{line}:{column}: {rule}: {message}")) =>
        (File, Line, Column, Rule, Detail) = (file, line, column, rule, message);

    /// <summary>The file, or a name for the text.</summary>
    public string File { get; }

    /// <summary>The line, from 1.</summary>
    public int Line { get; }

    /// <summary>The column, from 1.</summary>
    public int Column { get; }

    /// <summary>The kind of rule that was broken: <c>syntax</c>, <c>type</c>, <c>target</c> ...</summary>
    public string Rule { get; }

    /// <summary>What is wrong, without the place.</summary>
    public string Detail { get; }
}

/// <summary>A call of the CUDA driver or of a library of NVIDIA's that failed.</summary>
public sealed class CudaException : TesseraException
{
    /// <summary>A failed call.</summary>
    /// <param name="call">The function, such as <c>cuLaunchKernel</c>, with what it was for.</param>
    /// <param name="code">The result code.</param>
    /// <param name="name">The code's name, such as <c>CUDA_ERROR_ILLEGAL_ADDRESS</c>.</param>
    /// <param name="meaning">What it means, and the cure.</param>
    public CudaException(string call, int code, string name, string meaning)
        : base(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{call}: failed: got {name} ({code}), expected CUDA_SUCCESS: {meaning}")) =>
        (Call, Code, Name) = (call, code, name);

    /// <summary>The function, with what it was for.</summary>
    public string Call { get; }

    /// <summary>The result code.</summary>
    public int Code { get; }

    /// <summary>The code's name.</summary>
    public string Name { get; }
}
