using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace Tessera;

/// <summary>
/// The machine that pickles are programs for, reduced to data: numbers, text, tuples, lists and dictionaries, and the calls of
/// <see cref="PickleGlobals"/>, which make tensors. Whatever else a program asks for is refused by name; nothing is imported or executed.
/// </summary>
/// <param name="stream">The pickle; what follows its end is left unread.</param>
/// <param name="file">The file, for messages.</param>
sealed class Unpickler(Stream stream, string file)
{
    const int MaxSteps = 1_000_000; // a network of 1,000 tensors takes about 50,000
    const int MaxText = 1 << 20;

    readonly List<object?> stack = [];
    readonly Stack<int> marks = [];
    readonly Dictionary<int, object?> memo = [];

    /// <summary>The storages it named, by key.</summary>
    public Dictionary<string, StorageReference> Storages { get; } = new(StringComparer.Ordinal);

    /// <summary>Runs the program; the value on top of the stack at its end.</summary>
    /// <exception cref="DataException">It is damaged, or asks for what is no tensor.</exception>
    public object? Run()
    {
        for (int step = 0; step < MaxSteps; step++)
        {
            int code = stream.ReadByte();
            if (code == '.') return Pop();
            if (code < 0) throw Error("cut off", "the end of the file", "the end of the pickle");
            Execute(code);
        }
        throw Error("too long", $"more than {MaxSteps} instructions", "the state dict of a network");
    }

    void Execute(int code)
    {
        switch (code)
        {
            case 0x80: RequireProtocol(Byte()); break;
            case 0x95: Bytes(8); break; // frames only help to read ahead
            case '(': marks.Push(stack.Count); break;
            case '0': Pop(); break;
            case '1': ToMark(); break;
            case '2': Push(Peek()); break;
            case 'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case 'K': Push((long)Byte()); break;
            case 'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2))); break;
            case 'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4))); break;
            case 0x8A: Push(Integer(Bytes(Byte()))); break;
            case 'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Bytes(8))); break;
            case 'I': Push(Line() switch { "00" => false, "01" => true, var s => Number(s) }); break;
            case 'L': Push(Number(Line().TrimEnd('L'))); break;
            case 'X': Push(Text(Length(4))); break;
            case 0x8C: Push(Text(Byte())); break;
            case 0x8D: Push(Text(Length(8))); break;
            case 'T': Push(Text(Length(4))); break; // Python 2
            case 'U': Push(Text(Byte())); break;
            case 'B': Push(Bytes(Length(4))); break;
            case 'C': Push(Bytes(Byte())); break;
            case ')': Push(Array.Empty<object?>()); break;
            case 't': Push(ToMark()); break;
            case 0x85: Push(Take(1)); break;
            case 0x86: Push(Take(2)); break;
            case 0x87: Push(Take(3)); break;
            case ']': Push(new List<object?>()); break;
            case 'l': Push(new List<object?>(ToMark())); break;
            case 'a': Append(Take(1)); break;
            case 'e': Append(ToMark()); break;
            case '}': Push(new PickleDictionary()); break;
            case 'd': SetItems(ToMark(), new PickleDictionary(), push: true); break;
            case 's': SetItems(Take(2), null, push: false); break;
            case 'u': SetItems(ToMark(), null, push: false); break;
            case 'q': memo[Byte()] = Peek(); break;
            case 'r': memo[Length(4)] = Peek(); break;
            case 0x94: memo[memo.Count] = Peek(); break;
            case 'h': Push(Remembered(Byte())); break;
            case 'j': Push(Remembered(Length(4))); break;
            case 'c': Push(PickleGlobals.Find(Line(), Line(), file)); break;
            case 0x93: Push(Global(Take(2))); break;
            case 'R': Call(); break;
            case 'b': Build(); break;
            case 'Q': Push(Storage(PickleGlobals.Storage(Pop(), file))); break;
            default: throw Error("instruction that makes no tensor", FormattableString.Invariant($"0x{code:x2}"), "a state dict saved by torch.save");
        }
    }

    void Call()
    {
        object? arguments = Pop(), function = Pop();
        if (function is not PickleGlobal global || arguments is not object?[] list) throw Error("call", Describe(function), "a function that rebuilds tensors");
        Push(global.Call(list, file));
    }

    // Attributes of a dictionary or a tensor say nothing about its elements: versions of modules, hooks.
    void Build()
    {
        Pop();
        if (Peek() is not (PickleDictionary or TensorReference)) throw Error("object with attributes", Describe(Peek()), "a dictionary or a tensor");
    }

    StorageReference Storage(StorageReference storage) => Storages[storage.Key] = storage;

    object Global(object?[] names) => names is [string module, string name] ? PickleGlobals.Find(module, name, file) : throw Error("name of a global", Describe(names[0]), "text");

    void Append(object?[] items)
    {
        if (Peek() is not List<object?> list) throw Error("append", Describe(Peek()), "a list");
        list.AddRange(items);
    }

    void SetItems(object?[] items, PickleDictionary? made, bool push)
    {
        if (items.Length % 2 != 0) throw Error("dictionary", $"{items.Length} keys and values", "pairs");
        if (push) Push(made);
        if (Peek() is not PickleDictionary dictionary) throw Error("set an item", Describe(Peek()), "a dictionary");
        for (int i = 0; i < items.Length; i += 2) dictionary.Add(items[i], items[i + 1]);
    }

    void Push(object? value) => stack.Add(value);

    object? Peek() => stack.Count > Floor ? stack[^1] : throw Error("damaged", "an empty stack", "a value on it");

    object? Pop()
    {
        object? value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    int Floor => marks.TryPeek(out int mark) ? mark : 0;

    object?[] Take(int count)
    {
        if (stack.Count - Floor < count) throw Error("damaged", $"{stack.Count - Floor} values on the stack", $"{count}");
        return Cut(stack.Count - count);
    }

    object?[] ToMark() => marks.TryPop(out int mark) ? Cut(mark) : throw Error("damaged", "no mark on the stack", "one");

    object?[] Cut(int from)
    {
        object?[] values = [.. stack[from..]];
        stack.RemoveRange(from, values.Length);
        return values;
    }

    object? Remembered(int key) => memo.TryGetValue(key, out object? value) ? value : throw Error("damaged", $"value {key}, which was never kept", "one that was");

    byte Byte() => stream.ReadByte() is >= 0 and var b ? (byte)b : throw Error("cut off", "the end of the file", "more bytes");

    byte[] Bytes(int count)
    {
        byte[] bytes = new byte[count];
        if (stream.ReadAtLeast(bytes, count, throwOnEndOfStream: false) < count) throw Error("cut off", "the end of the file", $"{count} more bytes");
        return bytes;
    }

    int Length(int width)
    {
        byte[] bytes = Bytes(width);
        ulong n = width == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return n <= MaxText ? (int)n : throw Error("too large", $"a value of {n} bytes", $"at most {MaxText}");
    }

    string Text(int length) => Encoding.UTF8.GetString(Bytes(length));

    string Line()
    {
        StringBuilder line = new();
        for (byte b = Byte(); b != '\n'; b = Byte())
        {
            if (line.Length >= 1000) throw Error("too large", "a line of more than 1000 characters", "a name or a number");
            line.Append((char)b);
        }
        return line.ToString();
    }

    object Number(string digits) => BigInteger.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var n) ? Small(n) : throw Error("damaged", $"number '{digits}'", "digits");

    static object Integer(byte[] littleEndian) => Small(new BigInteger(littleEndian));

    static object Small(BigInteger n) => n >= long.MinValue && n <= long.MaxValue ? (long)n : n;

    void RequireProtocol(int version)
    {
        if (version is < 1 or > 5) throw Error("protocol", version, "2, as torch.save writes, or up to 5");
    }

    DataException Error(string what, object got, object expected) => PickleGlobals.Error(file, what, got, expected);

    static string Describe(object? value) => value switch
    {
        null => "None",
        PickleGlobal g => g.Name,
        PickleDictionary => "a dictionary",
        List<object?> => "a list",
        object?[] => "a tuple",
        TensorReference => "a tensor",
        string => "text",
        _ => "a number",
    };
}

/// <summary>A dictionary in the order of its keys; values under other keys than text and whole numbers are left out, as no tensor has such a name.</summary>
sealed class PickleDictionary
{
    readonly OrderedDictionary<string, object?> items = new(StringComparer.Ordinal);

    public IReadOnlyDictionary<string, object?> Items => items;

    public void Add(object? key, object? value)
    {
        string? name = key switch { string s => s, long n => n.ToString(CultureInfo.InvariantCulture), _ => null };
        if (name is not null) items[name] = value;
    }
}
