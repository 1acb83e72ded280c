namespace Tessera.NN;

/// <summary>What training makes small: a scalar function of a model's output and the target.</summary>
public abstract class Loss
{
    /// <summary>Name in tables and summaries.</summary>
    public virtual string Name => GetType().Name;

    /// <summary>The loss of a batch, a scalar.</summary>
    /// <param name="output">What the model gave, such as logits <c>[N, classes]</c>.</param>
    /// <param name="target">What is true, such as classes <c>[N]</c> (Int64).</param>
    public abstract Tensor Forward(Tensor output, Tensor target);

    /// <summary>The loss of each item, <c>[N]</c>.</summary>
    public abstract Tensor PerItem(Tensor output, Tensor target);

    /// <summary>What turns outputs into predictions: softmax after cross-entropy, sigmoid after the binary one, else nothing.</summary>
    public virtual Tensor Activation(Tensor output) => output;

    /// <summary>A function as a loss; its value per item is not known.</summary>
    public static implicit operator Loss(Func<Tensor, Tensor, Tensor> function) => new FunctionLoss(function);

    /// <summary>An argument that is not null.</summary>
    private protected static Tensor Given(Tensor x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x;
    }

    sealed class FunctionLoss(Func<Tensor, Tensor, Tensor> function) : Loss
    {
        public override string Name => function.Method.Name;

        public override Tensor Forward(Tensor output, Tensor target) => function(output, target);

        public override Tensor PerItem(Tensor output, Tensor target) =>
            throw new TesseraException($"Loss: no loss per item: got the function {Name}, which gives one number a batch, expected a loss of this library. Hint: derive a class from Loss.");
    }
}
