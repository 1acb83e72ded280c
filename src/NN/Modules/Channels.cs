namespace Tessera.NN;

/// <summary>What the convolutions share: the check of their channels and the text of their arguments.</summary>
static class Channels
{
    /// <summary>A count is positive.</summary>
    /// <exception cref="ShapeException">It is not.</exception>
    public static void Require(string op, string what, int count)
    {
        if (count < 1) throw new ShapeException($"{op}: {what}: got {count}, expected at least 1. Hint: count them on the data, as in data.Classes.Count.");
    }

    /// <summary>Counts are positive and the groups divide them.</summary>
    /// <exception cref="ShapeException">They are not.</exception>
    public static void Require(string op, int inChannels, int outChannels, int groups)
    {
        if (inChannels < 1 || outChannels < 1 || groups < 1 || inChannels % groups != 0 || outChannels % groups != 0)
            throw new ShapeException(
                $"{op}: channels: got {inChannels} in, {outChannels} out, {groups} groups, expected at least 1 and groups that divide both. "
                    + "Hint: groups: 1 is a plain convolution.");
    }

    /// <summary><c>kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), bias=False</c>: what differs from the default, as PyTorch prints it.</summary>
    public static string Window(Pair kernel, Pair stride, Pair padding, Pair dilation, Pair outputPadding, int groups, bool bias) =>
        $"kernel_size={Tuple(kernel)}, stride={Tuple(stride)}"
        + (padding == 0 ? "" : $", padding={Tuple(padding)}")
        + (dilation == 1 ? "" : $", dilation={Tuple(dilation)}")
        + (outputPadding == 0 ? "" : $", output_padding={Tuple(outputPadding)}")
        + (groups == 1 ? "" : $", groups={groups}")
        + (bias ? "" : ", bias=False");

    static string Tuple(Pair p) => $"({p.H}, {p.W})";
}
