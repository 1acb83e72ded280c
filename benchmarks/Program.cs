using System.CommandLine;
using Tessera.Benchmarks;

return new RootCommand("Measures Tessera.") { RatiosCommand.Create() }.Parse(args).Invoke();
