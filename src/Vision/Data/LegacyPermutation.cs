namespace Tessera.Vision;

/// <summary>
/// What <c>numpy.random.seed(s); numpy.random.permutation(n)</c> gives: the generator MT19937 (Matsumoto and Nishimura 1998), Fisher-Yates from the top,
/// indices by masked rejection. Published splits were made with it.
/// </summary>
sealed class LegacyPermutation
{
    const int N = 624, M = 397;
    readonly uint[] x = new uint[N];
    int next = N;

    LegacyPermutation(uint seed)
    {
        x[0] = seed;
        for (uint i = 1; i < N; i++) x[i] = (1812433253 * (x[i - 1] ^ (x[i - 1] >> 30))) + i;
    }

    /// <summary>A permutation of 0..n-1.</summary>
    public static int[] Of(int n, uint seed)
    {
        var random = new LegacyPermutation(seed);
        int[] order = [.. Enumerable.Range(0, n)];
        for (int i = n - 1; i > 0; i--)
        {
            int j = random.AtMost((uint)i);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    int AtMost(uint most)
    {
        uint mask = uint.MaxValue >> System.Numerics.BitOperations.LeadingZeroCount(most);
        while (true)
        {
            uint value = Next() & mask;
            if (value <= most) return (int)value;
        }
    }

    uint Next()
    {
        if (next == N) Twist();
        uint y = x[next++];
        y ^= y >> 11;
        y ^= (y << 7) & 0x9D2C5680;
        y ^= (y << 15) & 0xEFC60000;
        return y ^ (y >> 18);
    }

    void Twist()
    {
        for (int i = 0; i < N; i++)
        {
            uint y = (x[i] & 0x80000000) | (x[(i + 1) % N] & 0x7FFFFFFF);
            x[i] = x[(i + M) % N] ^ (y >> 1) ^ ((y & 1) * 0x9908B0DF);
        }
        next = 0;
    }
}
