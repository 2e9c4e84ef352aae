using System.Collections.Immutable;
using System.Data.Common;

namespace Docket.Stores.Control;

/// <summary>A connection to the database of the control plane, for the time of a read or a write. Statements call their values @1, @2 and so on.</summary>
internal sealed class ControlConnection(DbConnection connection, DbTransaction? transaction, CancellationToken cancellation)
{
    /// <summary>Runs a statement and returns how many rows it changed.</summary>
    public async ValueTask<int> RunAsync(string sql, params object?[] values)
    {
        await using var command = Prepare(sql, values);
        return await command.ExecuteNonQueryAsync(cancellation);
    }

    /// <summary>Reads the first row; <c>default</c> if there is none.</summary>
    public async ValueTask<T?> FindAsync<T>(Func<DbDataReader, T> read, string sql, params object?[] values)
    {
        await using var command = Prepare(sql, values);
        await using var rows = await command.ExecuteReaderAsync(cancellation);
        return await rows.ReadAsync(cancellation) ? read(rows) : default;
    }

    /// <summary>Reads all rows.</summary>
    public async ValueTask<ImmutableArray<T>> ListAsync<T>(Func<DbDataReader, T> read, string sql, params object?[] values)
    {
        await using var command = Prepare(sql, values);
        await using var rows = await command.ExecuteReaderAsync(cancellation);
        var all = ImmutableArray.CreateBuilder<T>();
        while (await rows.ReadAsync(cancellation))
        {
            all.Add(read(rows));
        }

        return all.DrainToImmutable();
    }

    DbCommand Prepare(string sql, object?[] values)
    {
        var command = connection.CreateCommand();
        (command.CommandText, command.Transaction) = (sql, transaction);
        for (var i = 0; i < values.Length; i++)
        {
            var parameter = command.CreateParameter();
            (parameter.ParameterName, parameter.Value) = ($"@{i + 1}", values[i] ?? DBNull.Value);
            command.Parameters.Add(parameter);
        }

        return command;
    }
}
