#:project ../src/NN/Tessera.NN.csproj
// A small network tells two intertwined spirals apart: modules, cross-entropy, AdamW. `dotnet run examples/spirals.cs`
using Tessera;
using Tessera.NN;

const int n = 200; // points a spiral
Generator.Seed(1);
float[] points = new float[2 * n * 2];
long[] arms = new long[2 * n];
for (int i = 0; i < 2 * n; i++)
{
    arms[i] = i % 2;
    float t = 0.5f + (i / 2) * 3.5f * MathF.PI / n;
    float angle = t + MathF.PI * arms[i];
    (points[2 * i], points[2 * i + 1]) = (t * MathF.Cos(angle) / 12, t * MathF.Sin(angle) / 12);
}
Tensor x = Tensor.From(points, [2 * n, 2]), y = Tensor.From(arms, [2 * n]);

Sequential net = new(new Linear(2, 64), new Tanh(), new Linear(64, 64), new Tanh(), new Linear(64, 2));
AdamW optimizer = new(net.Parameters(), lr: 0.01);
CrossEntropyLoss crossEntropy = new();
Console.WriteLine(net);

for (int step = 0; step <= 300; step++)
{
    Tensor logits = net.Forward(x);
    Tensor loss = crossEntropy.Forward(logits, y);
    loss.Backward();
    optimizer.Step();
    optimizer.ZeroGrad();
    if (step % 100 == 0)
        Console.WriteLine($"step {step,3}  loss {loss.Item():F4}  right {Right(logits)} of {2 * n}");
}

int Right(Tensor logits) => logits.ArgMax(1).ToArray<long>().Zip(arms).Count(p => p.First == p.Second);
