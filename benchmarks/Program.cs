using System.CommandLine;
using Tessera.Benchmarks;

if (args is [Child.Argument, ..]) return Child.Run(args[1..]);
return new RootCommand("Measures Tessera.") { RatiosCommand.Create(), KernelsCommand.Create(), DeviceCommand.Create() }.Parse(args).Invoke();
