namespace Tessera.Vision;

/// <summary>Data sets of the course, for <see cref="UntarData.Get"/>. Their owners' terms apply: they come from the course's servers, not with Tessera.</summary>
public static class Datasets
{
    const string classification = "https://s3.amazonaws.com/fast-ai-imageclas/", samples = "https://s3.amazonaws.com/fast-ai-sample/";

    /// <summary>Oxford-IIIT Pets, 812 MB: 7,390 photos of 37 breeds in <c>images/</c>, whose names say the breed (Parkhi et al. 2012).</summary>
    public static DatasetUrl Pets { get; } = new(classification + "oxford-iiit-pet") { Bytes = 811_706_944, Md5OfFirstMebibyte = "e4db5c768afd933bb91f5f594d7417a4" };

    /// <summary>Threes and sevens of MNIST, 3 MB: <c>train/{3,7}</c>, <c>valid/{3,7}</c> and <c>labels.csv</c>; 12,396 and 2,038 digits.</summary>
    public static DatasetUrl MnistSample { get; } = new(samples + "mnist_sample") { Bytes = 3_214_948, Md5OfFirstMebibyte = "2dbc7ec6f9259b583af0072c55816a88" };

    /// <summary>A few threes and sevens of MNIST, 0.3 MB, with a test folder: for trying things out.</summary>
    public static DatasetUrl MnistTiny { get; } = new(samples + "mnist_tiny") { Bytes = 342_207, Md5OfFirstMebibyte = "56143e8f24db90d925d82a5a74141875" };

    /// <summary>Dogs and cats, 839 MB: 25,000 photos in one folder a class.</summary>
    public static DatasetUrl Dogs { get; } = new(samples + "dogscats") { Bytes = 839_285_364, Md5OfFirstMebibyte = "3e483c8d6ef2175e9d395a6027eb92b7" };

    /// <summary>Ten easy classes of ImageNet at full size, in <c>train/</c> and <c>val/</c>.</summary>
    public static DatasetUrl Imagenette { get; } = new(classification + "imagenette2");

    /// <summary>Ten easy classes of ImageNet, shorter side 160.</summary>
    public static DatasetUrl Imagenette160 { get; } = new(classification + "imagenette2-160");

    /// <summary>Ten easy classes of ImageNet, shorter side 320.</summary>
    public static DatasetUrl Imagenette320 { get; } = new(classification + "imagenette2-320");

    /// <summary>Ten breeds of dogs of ImageNet at full size, in <c>train/</c> and <c>val/</c>.</summary>
    public static DatasetUrl Imagewoof { get; } = new(classification + "imagewoof2");

    /// <summary>Ten breeds of dogs of ImageNet, shorter side 160.</summary>
    public static DatasetUrl Imagewoof160 { get; } = new(classification + "imagewoof2-160");

    /// <summary>Ten breeds of dogs of ImageNet, shorter side 320.</summary>
    public static DatasetUrl Imagewoof320 { get; } = new(classification + "imagewoof2-320");
}
