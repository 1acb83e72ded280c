using Tessera.Cli;

return Tool.Run(args, Console.Out, Console.Error);

/// <summary>Said here so that ASP.NET does not make it public.</summary>
sealed partial class Program;
