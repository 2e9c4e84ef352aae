using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Docket.Bench;

/// <summary>An HTTP request written by hand into one reused buffer.</summary>
internal sealed class Request
{
    readonly byte[] buffer = new byte[4 * 1024 * 1024];
    readonly byte[] headers;
    int length, lengthField, bodyStart;

    public Request(IPEndPoint server, string token) =>
        headers = Encoding.ASCII.GetBytes($" HTTP/1.1\r\nHost: {server}\r\nAuthorization: Bearer {token}\r\n");

    public ReadOnlySpan<byte> Bytes => buffer.AsSpan(0, length);

    /// <summary>Starts a GET; what is added next is its path.</summary>
    public void Get()
    {
        length = bodyStart = 0;
        Add("GET "u8);
    }

    /// <summary>Starts a POST of JSON; what is added next is its body.</summary>
    public void Post(ReadOnlySpan<byte> path) => Post(path, "Content-Type: application/json\r\n"u8);

    /// <summary>Starts a POST; what is added next is its body.</summary>
    public void Post(ReadOnlySpan<byte> path, ReadOnlySpan<byte> itsHeaders)
    {
        length = 0;
        Add("POST "u8);
        Add(path);
        Add(headers);
        Add(itsHeaders);
        Add("Content-Length:"u8);
        lengthField = length;
        Add("          \r\n\r\n"u8);
        bodyStart = length;
    }

    public void Add(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(buffer.AsSpan(length));
        length += bytes.Length;
    }

    public void Add(long number)
    {
        Utf8Formatter.TryFormat(number, buffer.AsSpan(length), out var written);
        length += written;
    }

    /// <summary>Adds the inside of a JSON string. Of what JSON escapes, tickets have only quotes and line feeds.</summary>
    public void AddText(ReadOnlySpan<byte> text)
    {
        int special;
        while ((special = text.IndexOfAny((byte)'"', (byte)'\n')) >= 0)
        {
            Add(text[..special]);
            Add(text[special] == '"' ? "\\\""u8 : "\\n"u8);
            text = text[(special + 1)..];
        }

        Add(text);
    }

    public void End() => End([]);

    /// <summary>Ends the request; a GET with these headers.</summary>
    public void End(ReadOnlySpan<byte> itsHeaders)
    {
        if (bodyStart == 0)
        {
            Add(headers);
            Add(itsHeaders);
            Add("\r\n"u8);
        }
        else
        {
            // Spaces before a header's value mean nothing, so the length fits in without moving the body.
            Utf8Formatter.TryFormat(length - bodyStart, buffer.AsSpan(lengthField + 1), out _);
        }
    }
}

/// <summary>
/// One keep-alive connection: a blocking socket, the cheapest there is for a closed loop. Reads an answer whole, with a
/// length or in chunks, and keeps its body until the next exchange.
/// </summary>
internal sealed class Connection : IDisposable
{
    readonly IPEndPoint server;
    Socket socket;
    byte[] buffer = new byte[256 * 1024];
    int filled, bodyStart, bodyLength;

    public Connection(IPEndPoint server)
    {
        this.server = server;
        socket = Connect();
    }

    public ReadOnlySpan<byte> Body => buffer.AsSpan(bodyStart, bodyLength);

    /// <summary>Sends the request, waits for the whole answer and gives its status.</summary>
    public int Exchange(Request request)
    {
        // A server closes a connection that is idle for minutes, for example while another server has its turn. Seen before anything
        // is sent, so no request is ever sent twice.
        if (IsClosed())
        {
            socket.Dispose();
            socket = Connect();
        }

        for (var rest = request.Bytes; rest.Length > 0;)
        {
            rest = rest[socket.Send(rest)..];
        }

        filled = 0;
        var headEnd = FillThrough("\r\n\r\n"u8, 0);
        var head = buffer.AsSpan(0, headEnd);
        if (!Utf8Parser.TryParse(head["HTTP/1.1 ".Length..], out int status, out _))
        {
            throw new WrongAnswer("Not an HTTP answer: " + Encoding.UTF8.GetString(head));
        }

        var end = FindLength(head) is { } length ? ReadPlain(headEnd, length) : ReadChunks(headEnd);
        return end == filled ? status : throw new WrongAnswer("The answer goes on after its end.");
    }

    public void Dispose() => socket.Dispose();

    Socket Connect()
    {
        var connected = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = 60_000, SendTimeout = 60_000 };
        connected.Connect(server);
        return connected;
    }

    // Between two exchanges a server sends nothing but the end of the connection.
    bool IsClosed() => socket.Poll(0, SelectMode.SelectRead) && socket.Available == 0;

    /// <summary>The answer's Content-Length, or <c>null</c> when it comes in chunks.</summary>
    static int? FindLength(ReadOnlySpan<byte> head)
    {
        foreach (var range in head.Split("\r\n"u8))
        {
            var line = head[range];
            var colon = line.IndexOf((byte)':');
            if (colon < 0)
            {
                continue;
            }

            if (Ascii.EqualsIgnoreCase(line[..colon], "Content-Length"u8) && Utf8Parser.TryParse(line[(colon + 1)..].TrimStart((byte)' '), out int length, out _))
            {
                return length;
            }

            if (Ascii.EqualsIgnoreCase(line[..colon], "Transfer-Encoding"u8))
            {
                return null;
            }
        }

        return 0;
    }

    int ReadPlain(int start, int length)
    {
        Fill(start + length);
        (bodyStart, bodyLength) = (start, length);
        return start + length;
    }

    /// <summary>Moves the chunks together, so that the body lies in one piece.</summary>
    int ReadChunks(int start)
    {
        (bodyStart, bodyLength) = (start, 0);
        for (var position = start; ;)
        {
            var lineEnd = FillThrough("\r\n"u8, position);
            if (!Utf8Parser.TryParse(buffer.AsSpan(position..lineEnd), out int size, out _, 'x'))
            {
                throw new WrongAnswer("Not a chunk's length: " + Encoding.UTF8.GetString(buffer.AsSpan(position..lineEnd)));
            }

            position = lineEnd + size + 2;
            Fill(position);
            buffer.AsSpan(lineEnd, size).CopyTo(buffer.AsSpan(bodyStart + bodyLength));
            bodyLength += size;
            if (size == 0)
            {
                return position;
            }
        }
    }

    /// <summary>Receives until the mark has come at or after <paramref name="from"/>; gives the place behind it.</summary>
    int FillThrough(ReadOnlySpan<byte> mark, int from)
    {
        int found;
        while ((found = buffer.AsSpan(from..filled).IndexOf(mark)) < 0)
        {
            Fill(filled + 1);
        }

        return from + found + mark.Length;
    }

    void Fill(int wanted)
    {
        if (wanted > buffer.Length)
        {
            Array.Resize(ref buffer, Math.Max(wanted, buffer.Length * 2));
        }

        while (filled < wanted)
        {
            var received = socket.Receive(buffer.AsSpan(filled));
            filled += received > 0 ? received : throw new WrongAnswer("The server closed the connection.");
        }
    }
}

/// <summary>The server did not answer as it must; the run ends.</summary>
internal sealed class WrongAnswer(string message) : Exception(message);
