using Tessera.NN;
using Tessera.Vision;

namespace Tessera.Tests.Interpretation;

public sealed class GradCamTests
{
    /// <summary>
    /// By hand: the score of class k is Σ_c M[k,c]·max A_c + V[k,c]·mean A_c. Its gradient, averaged over the h·w places, is (M[k,c] + V[k,c])/(h·w).
    /// </summary>
    [Test]
    public void MapIsWhatAHandComputationGives()
    {
        var (learner, set) = SmallNetworks.OverNoise();
        var (body, head) = ((Sequential)((Sequential)learner.Model)[0], (Sequential)((Sequential)learner.Model)[1]);
        float[] w = ((Linear)head[3]).Weight.ToArray<float>(); // [3, 6 of max, 6 of mean]
        learner.Model.Eval();
        var cams = GradCam.Of(learner, [.. Enumerable.Range(0, 30)], set: new DataLoader(set, 7));
        foreach (var (item, cam) in cams.Index())
        {
            float[] x = new float[3 * 64];
            set.Load(item, default, x, out long k);
            float[] a = Autograd.NoGrad(() => body.Call(Tensor.FromChannelsLast<float>(x, [1, 3, 8, 8]))).ToArray<float>(); // [6, 8, 8]
            Assert.That(cam.Class, Is.EqualTo(k));
            for (int place = 0; place < 64; place++)
            {
                double sum = Enumerable.Range(0, 6).Sum(c => (w[(k * 12) + c] + w[(k * 12) + 6 + c]) / 64.0 * a[(c * 64) + place]);
                Assert.That(cam.Map[place / 8, place % 8], Is.EqualTo(Math.Max(sum, 0)).Within(1e-6));
            }
        }
        Assert.That(cams.Max(c => c.Map.Cast<float>().Max()), Is.GreaterThan(0.001), "not all are empty");
    }

    [Test]
    public void ModelIsLeftAsItWas()
    {
        var learn = SmallNetworks.OverPets();
        learn.Model.Train();
        bool[] learning = [.. learn.Model.Parameters().Select(p => p.RequiresGrad)];
        GradCam.Of(learn, 0);
        Assert.That(learn.Model.Parameters().Select(p => p.RequiresGrad), Is.EqualTo(learning));
        Assert.That(learning, Does.Contain(true).And.Contain(false), "the body is frozen");
        Assert.That(learn.Model.Parameters().All(p => p.Grad is null));
        Assert.That(learn.Model.NamedModules().All(m => m.Module.IsTraining));
    }

    [Test]
    public void PhotoAndItemGiveTheSame()
    {
        var learn = SmallNetworks.OverPets(size: 160);
        var item = GradCam.Of(learn, 2);
        Assert.That(item.Class, Is.EqualTo(learn.Images.ValidSet!.Items[2].Label));
        Assert.That((item.Photo.Height, item.Photo.Width, item.Map.GetLength(0), item.Map.GetLength(1), item.IsFine), Is.EqualTo((160, 160, 5, 5, true)));
        var photo = GradCam.Of(learn, Image.Load(learn.Images.ValidSet.Items[2].Path), item.Class);
        Assert.That(photo.Map, Is.EqualTo(item.Map).Within(1e-6f));
        Assert.That(photo.Photo.Pixels.SequenceEqual(item.Photo.Pixels));
        var predicted = GradCam.Of(learn, Image.Load(learn.Images.ValidSet.Items[2].Path));
        Assert.That(predicted.Class, Is.EqualTo(learn.Interpret().Predicted[2]));
        Assert.That(GradCam.Of(SmallNetworks.OverPets(), 0).IsFine, Is.False, "1 x 1 says nothing");
    }

    [Test]
    public void MisuseIsNamed()
    {
        var (learner, _) = SmallNetworks.OverNoise();
        Assert.That(() => GradCam.Of(learner, 30), Throws.TypeOf<TesseraException>().With.Message.Contains("got 30, expected 0..29"));
        Assert.That(() => GradCam.Of(learner, 0, 3), Throws.TypeOf<TesseraException>().With.Message.Contains("got 3, expected 0..2"));
        Assert.That(() => GradCam.Of(learner, 0, -1), Throws.TypeOf<TesseraException>().With.Message.Contains("got -1"));
        var flat = new Learner(learner.Data, new Flatten(), new CrossEntropyLoss());
        Assert.That(() => GradCam.Of(flat, 0), Throws.TypeOf<TesseraException>().With.Message.Contains("new Sequential(body, head)"));
        var headless = new Learner(learner.Data, new Sequential(new Flatten(), new Linear(192, 3)), new CrossEntropyLoss());
        Assert.That(() => GradCam.Of(headless, 0), Throws.TypeOf<TesseraException>().With.Message.Contains("a body that gives [1, 192]"));
    }
}
