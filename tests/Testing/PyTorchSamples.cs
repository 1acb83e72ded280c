using System.IO.Compression;

namespace Tessera.Testing;

/// <summary>
/// A checkpoint with epoch, rate, text and a parameter beside its state dict, pickled by Python 3 with stand-ins for the names of torch; compressed.
/// </summary>
public static class PyTorchSamples
{
    /// <summary>The zip form.</summary>
    public const string Zip = "eNp1UzmP00AU9pFzstxh2eVeWCDhcJJFFFS7BYJikMgaIblB1sQeYmsdO288XhoipdkAPwGQEC0/gQ4JGkoaGmpEQccvYMYOm8TSjv3kmTfv+97pLtYLdSVba8rXF3/0O5qiSEFCM2i5hBNjuBOMtR"
        + "EoDasolHQYOR6oWLeElRIw0B5sfnoj11urIDQhGVDQLV1uv3yEgiWZYk44tV3f4VB0nCgIqMP9KIzRI+ZSRt174gZBqWlCuWFVBeCZYzynft/jUHF4xBzPsBPuBzGyGe0lfuDanIZxxOzdDQTVRsMq"
        + "p14iRvoUUAZB94OI8MeZEkHNUoVNG5bS2JxhAodwicPhbaxgDesTOIJ1rE7g6GtPBnKMw3ETTli1+WhsDnVPuPOQV/OWvJTgpCTQsTaBZaxKnlMZwQqHVRNOW8uCoBcaYTKwe4Q7Ho1tzoizQ104k3"
        + "FNw30Yhf39aM+m0XbgnHCicjgvnDSbGfEFDhdNWEtGcCmtlT2gnMhOweX0ft2S7YQrI7ialmWXslgUG65hNY7jXtrFIWFkAI0DapveUk4ZgmY+3esy3dIe3MDqHtzMIrrFwTCh9So9tF9Cx4SNxOgu"
        + "DNf6r7urK2InpbI/XK22oow3xXFLvELGQj4I+by1iB7++B1Vpsg5dKc8tVi0/v6+/0ROp5Rqaj2twW3UxapW1w+e+f9rLMs/9wfkcfl0Zrin2iy5PCqfxgz1bobq5FH5dGaob9pccl1cLEl1QTw/xf"
        + "evtFf+ATlx4f8=";

    /// <summary>The zip form, pickled with protocol 4.</summary>
    public const string Protocol4 = "eNp1krtu1EAUhseXvXMRIUJQIlF4GycLFVUihKAYJJYgamt2POxY8U3jcagibZMA0nQZilAgWh6BDsEThIIGWsRrcMbZjb0WjH3kmeP/O5fRmWLH3UTn6zaS/vevvyyEjA3Bk2yFRBI/348X7rsz61"
        + "x2qD3VYXlGucaOsmOhH+98PjXrvXJTkjCtnPTbJ62GhSSSBWFEpVYjmsUxozLK0gJOT0XIBAsfmn8nerwHMQcvqf+KRXMO6ksyE5T7QSmjGOQbgWCzMorDQLK0yERwcBcoz1O9AoRkDik7FQHkozgj"
        + "8vnSfaKVtQ310LzUuCv1M4ywjZ1jqBxbx/ot70NqqfegoovsgdT8sufxK/wa3+DXV5iDbcAsAzewG7PUT8skmBFJOSsCKQjdZ+EqwlU1epKl82Y5Ew0xrSrmeFxHKg+1GgQJk8Rcua78Cmnw9g6YKO"
        + "DaIHlRFDPVyYkgieajxrVULiaZgBT/Kr57BPRRo/A31e61SexP12bgzu/7t27Czlj/Yga2thFa7MBxF16wBdhHsC+763T+40/WX5INetJbKtbVZx/mL2zYGRtU6mWv94ZTbNmbzv9Hc7UW1VTWg9rm"
        + "2u3UnGvXzbWpdhs19aCmJm2q3U5N5XajuSnudI3bhecnfE+NHv0FdPTuEg==";

    /// <summary>The form before PyTorch 1.6.</summary>
    public const string Legacy = "eNp1Ustu1DAUzWM6QzMtlFehPMs7wyO0/YF2gcrCICDdeIMsT2ImgUw8174pAmmk2XQo/AGIBUv4BHZIfA2fgMQCx5kihISV68j3cc7x9Z1474Li18ftn6vPPz9eiSbewx++2cfghHTJcZyRkigTWb"
        + "BdoXQuS3BNAl00kSJHLAQTZZrzErx9GhgnvhoJpvPXQoM/hlZI54xTZ1IhzBGP+uaUlwht0qKtGkOWA+iQVlUdcNb5YiSTDFziU6/OUeDd3/z6vl4fbFXJhwJ8C1Z+/wIty6yRo2BpnhimxAguRIJG"
        + "rw4eqVQokd4zkQDavRg6IZ03Bc+S6KXIBxnCoQSlSrKIVZgXOmBK9Ku8SBmKUkvFdjcCmA9D2rEsUvGBgKApCbYLyXGncQbQpa7JWYMFqy0ZVbBI2giHnxCHeMSfwhHiE3cKS2+zWshRhGMxHKfdv9"
        + "UwhBOZocuCrJstZBbgZA3gE28Ky8StcU41AKcRVmI4Q5cNQL+MymrI+hyTTGiGiicvRApnG6yZ3Aem33/UnrNq1+G8IXERLhiSXq8BvoiwGsOlagyXba/YUCBPOXK4YuNXqXE6cG0M121bDobjBnG1"
        + "1n37iiOu+BDC//TWRgUKFUDv3+verK/b3oNbxN2D242iOwhRDHf37WHtDazHsFEPzdN6aJquu7P7eCJqOwdrsmm2LfMZmxj7ZOzbljuLdmb/38V71nU=";

    /// <summary>The file of a sample.</summary>
    public static byte[] Unpack(string compressed)
    {
        using var unpacked = new MemoryStream();
        using (var zlib = new ZLibStream(new MemoryStream(Convert.FromBase64String(compressed)), CompressionMode.Decompress)) zlib.CopyTo(unpacked);
        return unpacked.ToArray();
    }
}
