using Npgsql;

public static class PortcullisDataSource
{
    /// <summary>Npgsql asks every few seconds, which is answered from memory, and connects with the last answer.</summary>
    public static NpgsqlDataSource Open(string connectionString)
    {
        var token = new PortcullisToken();
        var builder = new NpgsqlDataSourceBuilder(connectionString);
        builder.UsePeriodicPasswordProvider(
            async (_, cancellation) => await token.GetAsync(cancellation),
            successRefreshInterval: TimeSpan.FromSeconds(5),
            failureRefreshInterval: TimeSpan.FromSeconds(1));
        return builder.Build();
    }
}
