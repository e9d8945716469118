using System.Buffers;
using System.Buffers.Binary;
using System.IO.Pipelines;
using AgentRuntime.Rpc.Framing;
using AgentRuntime.Rpc.Tests.Interop;
using FsCheck;
using FsCheck.Fluent;
using Google.Protobuf;

namespace AgentRuntime.Rpc.Tests;

public sealed class MessageReaderTests
{
    private const int MaxBytes = 4096;

    private static readonly RpcStatusCode[] Refusals = [RpcStatusCode.Internal, RpcStatusCode.ResourceExhausted];

    [Fact]
    public void Messages_arrive_whole_however_the_bytes_are_cut() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(300).WithReplay(2026, 7),
        Prop.ForAll(
            ArbMap.Default.ArbFor<(byte[][] Payloads, bool Compress, int[] Cuts)>(),
            input =>
            {
                var output = new ArrayBufferWriter<byte>();
                foreach (var payload in input.Payloads)
                    MessageWriter.Write(output, Message(payload), input.Compress, MaxBytes);
                var (read, failure) = Read(Pieces(output.WrittenMemory, input.Cuts), MessageCoding.Gzip);
                return failure is null
                    && read.Select(a => a.Payload).SequenceEqual(input.Payloads.Select(p => Message(p).Payload));
            }));

    [Fact]
    public void Any_bytes_give_messages_or_a_refusal()
    {
        var random = new System.Random(20261121);
        var refused = 0;
        for (var round = 0; round < 20_000; round++)
        {
            var output = new ArrayBufferWriter<byte>();
            for (var i = random.Next(4); i > 0; i--)
            {
                var payload = new byte[random.Next(600)];
                random.NextBytes(payload);
                MessageWriter.Write(output, Message(payload), random.Next(2) == 0, MaxBytes);
            }

            var bytes = output.WrittenSpan.ToArray();
            for (var i = random.Next(6); i > 0 && bytes.Length > 0; i--)
            {
                var reach = random.Next(2) == 0 ? Math.Min(8, bytes.Length) : bytes.Length;
                bytes[random.Next(reach)] = (byte)random.Next(256);
            }

            if (random.Next(3) == 0) bytes = bytes[..random.Next(bytes.Length + 1)];
            var cuts = Enumerable.Range(0, random.Next(5)).Select(_ => random.Next(1000)).ToArray();
            var (read, failure) = Read(Pieces(bytes, cuts), random.Next(4) == 0 ? null : MessageCoding.Gzip);

            Assert.True(read.Count <= 4);
            Assert.All(read, m => Assert.True(m.CalculateSize() <= MaxBytes));
            if (failure is null) continue;
            Assert.Contains(failure.Status.Code, Refusals);
            refused++;
        }

        Assert.InRange(refused, 1000, 19_000);
    }

    [Fact]
    public async Task A_length_over_the_limit_is_refused_before_the_message_is_there()
    {
        var pipe = new Pipe();
        var header = new byte[5];
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(1), uint.MaxValue);
        await pipe.Writer.WriteAsync(header);
        var reader = new MessageReader<Answer>(pipe.Reader, Answer.Parser, null, MaxBytes);
        var e = await Assert.ThrowsAsync<RpcException>(async () => await reader.ReadAsync(CancellationToken.None));
        Assert.Equal(RpcStatusCode.ResourceExhausted, e.Status.Code);
    }

    [Theory]
    [InlineData("02 00000000", "a message's flag is neither 0 nor 1")]
    [InlineData("01 00000000", "a message is compressed without grpc-encoding")]
    [InlineData("00 00000001", "the stream ends inside a message")]
    [InlineData("00 0000", "the stream ends inside a message")]
    [InlineData("00 00000001 FF", "a message does not parse")]
    public void A_broken_frame_is_named(string hex, string message)
    {
        var bytes = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        var (_, failure) = Read([bytes], coding: null);
        Assert.Equal(new RpcStatus(RpcStatusCode.Internal, message), failure!.Status);
    }

    private static Answer Message(byte[]? payload) => new() { Payload = ByteString.CopyFrom(payload ?? []) };

    private static List<ReadOnlyMemory<byte>> Pieces(ReadOnlyMemory<byte> bytes, int[]? cuts)
    {
        var pieces = new List<ReadOnlyMemory<byte>>();
        foreach (var cut in cuts ?? [])
        {
            if (bytes.Length == 0) break;
            var length = 1 + (int)((uint)cut % (uint)bytes.Length);
            pieces.Add(bytes[..length]);
            bytes = bytes[length..];
        }

        pieces.Add(bytes);
        return pieces;
    }

    private static (List<Answer> Messages, RpcException? Failure) Read(
        IEnumerable<ReadOnlyMemory<byte>> pieces, string? coding)
    {
        // Without the test's context the reader runs inline with each piece, so that it sees every cut.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return ReadPieces(pieces, coding);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }

    private static (List<Answer> Messages, RpcException? Failure) ReadPieces(
        IEnumerable<ReadOnlyMemory<byte>> pieces, string? coding)
    {
        var pipe = new Pipe(new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0));
        var reader = new MessageReader<Answer>(pipe.Reader, Answer.Parser, coding, MaxBytes);
        var messages = new List<Answer>();
        async Task<RpcException?> ReadAllAsync()
        {
            try
            {
                while (await reader.ReadAsync(CancellationToken.None) is { } message) messages.Add(message);
                return null;
            }
            catch (RpcException e)
            {
                return e;
            }
        }

        var reading = ReadAllAsync();
        foreach (var piece in pieces)
        {
            pipe.Writer.Write(piece.Span);
            if (!pipe.Writer.FlushAsync().AsTask().IsCompletedSuccessfully) break;
        }

        pipe.Writer.Complete();
        Assert.True(reading.IsCompleted);
        return (messages, reading.Result);
    }
}
