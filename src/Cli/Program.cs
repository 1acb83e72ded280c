Console.WriteLine($"tessera {typeof(Program).Assembly.GetName().Version?.ToString(3)}");
