namespace Tessera;

/// <summary>How exactly a GPU multiplies float32 numbers.</summary>
public static class Precision
{
    /// <summary>
    /// Matrix products and convolutions may round their float32 operands to TF32 (10 bits of mantissa), which tensor cores multiply several times as fast.
    /// Off by default; <c>TESSERA_TF32=1</c> turns it on. The CPU never does.
    /// </summary>
    public static bool AllowTf32 { get; set; } = Environment.GetEnvironmentVariable("TESSERA_TF32") == "1";
}
