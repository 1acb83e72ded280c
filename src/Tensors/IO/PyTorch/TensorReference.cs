namespace Tessera;

/// <summary>A type of storage, or of its elements.</summary>
/// <param name="Name">Its elements in words.</param>
/// <param name="Element">How its elements are stored; null for bytes of which the tensor says what they are.</param>
sealed record StorageType(string Name, PyTorchElement? Element);

/// <summary>Elements in a file.</summary>
/// <param name="Key">Names the record that holds them.</param>
/// <param name="Type">Their type.</param>
/// <param name="Count">How many.</param>
/// <param name="Start">Where this one begins in the record, in elements: old files had storages that were parts of others.</param>
sealed record StorageReference(string Key, StorageType Type, long Count, long Start = 0);

/// <summary>A tensor whose elements have not been read yet.</summary>
/// <param name="Storage">Where they are.</param>
/// <param name="Element">Their type.</param>
/// <param name="Offset">The first, counted from the beginning of the storage.</param>
/// <param name="Shape">Sizes.</param>
/// <param name="Strides">Elements from one to the next of each dimension.</param>
sealed record TensorReference(StorageReference Storage, PyTorchElement Element, long Offset, Shape Shape, long[] Strides)
{
    /// <summary>Elements of the record that must be there: one past the last that is read.</summary>
    public UInt128 End
    {
        get
        {
            if (Shape.Count == 0) return (UInt128)Storage.Start;
            UInt128 last = (UInt128)Storage.Start + (UInt128)Offset;
            for (int i = 0; i < Strides.Length; i++) last += (UInt128)(Shape[i] - 1) * (UInt128)Strides[i];
            return last + 1;
        }
    }

    /// <summary>Bytes of the tensor here.</summary>
    public long Bytes => Shape.Count * Element.DType.Size();

    /// <summary>The tensor, from the bytes of its record.</summary>
    public Tensor Read(ReadOnlySpan<byte> record, Device? device)
    {
        int width = Element.Width;
        byte[] elements = new byte[Shape.Count * width];
        if (elements.Length > 0) Gather(record[(int)((Storage.Start + Offset) * width)..], elements, 0);
        return Element.ToTensor(elements, Shape, device);
    }

    // Dimensions from dim on: at once where they lie row-major.
    int Gather(ReadOnlySpan<byte> from, Span<byte> to, int dim)
    {
        int count = RowMajorFrom(dim) * Element.Width;
        if (count > 0)
        {
            from[..count].CopyTo(to);
            return count;
        }
        int written = 0;
        for (int i = 0; i < Shape[dim]; i++) written += Gather(from[(int)(i * Strides[dim] * Element.Width)..], to[written..], dim + 1);
        return written;
    }

    // How many elements follow each other where the dimensions from dim on are row-major, else 0.
    int RowMajorFrom(int dim)
    {
        int count = 1;
        for (int i = Strides.Length - 1; i >= dim; i--)
        {
            if (Shape[i] != 1 && Strides[i] != count) return 0;
            count *= Shape[i];
        }
        return count;
    }
}
