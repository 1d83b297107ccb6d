using System.Diagnostics;
using System.Text.Json;

/// <summary>
/// Tokens for the connections of a program, by running <c>portcullis token</c>: once for all that want one at the
/// same time.
/// </summary>
public sealed class PortcullisToken(string? profile = null)
{
    private static readonly TimeSpan CommandTimeout = TimeSpan.FromMinutes(1);

    /// <summary>A token that has less left than this is not used for another connection.</summary>
    private static readonly TimeSpan MostSpare = TimeSpan.FromSeconds(30);

    private readonly object _lock = new();
    private string _token = "";
    private DateTimeOffset _renewAt = DateTimeOffset.MinValue;
    private Task<string>? _flight;

    /// <summary>A token for a connection that is opened now.</summary>
    public Task<string> GetAsync(CancellationToken cancellation = default)
    {
        lock (_lock)
        {
            if (DateTimeOffset.UtcNow < _renewAt) return Task.FromResult(_token);
            _flight ??= Task.Run(RenewAsync, CancellationToken.None);
            return _flight.WaitAsync(cancellation);
        }
    }

    private async Task<string> RenewAsync()
    {
        try
        {
            var (token, expiresAt) = await RunAsync();
            var half = (expiresAt - DateTimeOffset.UtcNow) / 2;
            lock (_lock)
            {
                _token = token;
                _renewAt = expiresAt - (half < MostSpare ? half : MostSpare);
            }
            return token;
        }
        finally
        {
            lock (_lock) _flight = null;
        }
    }

    private async Task<(string Token, DateTimeOffset ExpiresAt)> RunAsync()
    {
        var start = new ProcessStartInfo("portcullis")
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in new[] { "token", "--format", "json", "--no-interaction" })
            start.ArgumentList.Add(argument);
        if (profile is not null)
        {
            start.ArgumentList.Add("--profile");
            start.ArgumentList.Add(profile);
        }
        using var process = Process.Start(start) ?? throw new InvalidOperationException("portcullis did not start");
        process.StandardInput.Close();
        using var timeout = new CancellationTokenSource(CommandTimeout);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(timeout.Token);
            var said = process.StandardError.ReadToEndAsync(timeout.Token);
            await process.WaitForExitAsync(timeout.Token);
            // It says what to do about it, and has no token in it.
            if (process.ExitCode != 0) throw new InvalidOperationException((await said).Trim());
            using var answer = JsonDocument.Parse(await output);
            return (
                answer.RootElement.GetProperty("token").GetString()!,
                answer.RootElement.GetProperty("expires_at").GetDateTimeOffset());
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException("portcullis token: no answer in time");
        }
    }
}
