#:project ../src/NN/Tessera.NN.csproj
// Fits a line to noisy points by gradient descent: tensors, a loss, its gradient, a step. `dotnet run examples/line.cs`
using Tessera;
using Tessera.NN;

Generator.Seed(1);
Tensor x = Tensor.Uniform([100], Generator.Default.Next(), -1, 1);
Tensor y = 3 * x + 2 + 0.1f * Tensor.Normal([100], Generator.Default.Next());

Tensor w = Tensor.Zeros([1]), b = Tensor.Zeros([1]);
w.RequiresGrad = b.RequiresGrad = true;
Sgd optimizer = new([w, b], lr: 0.1);

for (int step = 0; step <= 100; step++)
{
    Tensor loss = (w * x + b - y).Square().Mean();
    loss.Backward();
    optimizer.Step();
    optimizer.ZeroGrad();
    if (step % 20 == 0)
        Console.WriteLine($"step {step,3}  loss {loss.Item():F4}");
}
Console.WriteLine($"y = {w.Item():F2} x + {b.Item():F2}  (the points were drawn around y = 3 x + 2)");
