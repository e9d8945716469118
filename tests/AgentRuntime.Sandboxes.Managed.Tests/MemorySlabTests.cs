using AgentRuntime.Sandboxes.Core;
using AgentRuntime.Sandboxes.Managed.Runtime;
using AgentRuntime.Sandboxes.Managed.Tests.Building;
using static AgentRuntime.Sandboxes.Managed.Tests.Building.TestEngine;

namespace AgentRuntime.Sandboxes.Managed.Tests;

/// <summary>Space of linear memories comes and goes, and is zero whenever it comes.</summary>
public sealed class MemorySlabTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(32)]
    [InlineData(40)]
    public void Space_is_zero_however_often_it_was_used(int pages)
    {
        var bytes = pages * LinearMemory.PageBytes;
        // More than stay backed, so that both ways back are gone.
        var slots = Math.Min(100, (8 << 20) / bytes + 2);
        for (var round = 0; round < 3; round++)
        {
            var rented = Enumerable.Range(0, slots).Select(_ => MemorySlabs.Rent(bytes)).ToArray();
            Assert.Equal(slots, rented.Select(s => (s.Array, s.Offset)).Distinct().Count());
            foreach (var slot in rented)
            {
                var space = slot.Array.AsSpan(slot.Offset, bytes);
                Assert.False(space.ContainsAnyExcept((byte)0));
                Assert.True(slot.Capacity >= bytes);
                space[0] = 1;
                space[bytes / 2] = 2;
                space[^1] = 3;
            }

            foreach (var slot in rented) MemorySlabs.Return(slot, bytes);
        }
    }

    [Fact]
    public void Slots_of_one_slab_do_not_overlap()
    {
        var rented = Enumerable.Range(0, 200).Select(_ => MemorySlabs.Rent(LinearMemory.PageBytes)).ToArray();
        for (var i = 0; i < rented.Length; i++)
            rented[i].Array.AsSpan(rented[i].Offset, LinearMemory.PageBytes).Fill((byte)(i + 1));
        for (var i = 0; i < rented.Length; i++)
        {
            var space = rented[i].Array.AsSpan(rented[i].Offset, LinearMemory.PageBytes);
            Assert.False(space.ContainsAnyExcept((byte)(i + 1)));
        }

        foreach (var slot in rented) MemorySlabs.Return(slot, LinearMemory.PageBytes);
    }

    [Fact]
    public void A_memory_that_grew_out_of_its_space_leaves_nothing_there_for_the_next()
    {
        for (var round = 0; round < 100; round++)
        {
            using var memory = new LinearMemory(new(1, 100), 64 << 20);
            Assert.False(memory.View.ContainsAnyExcept((byte)0));
            memory.View.Fill(9);
            for (var pages = 1; pages < 64; pages *= 2)
            {
                Assert.Equal(pages, memory.Grow(pages));
                Assert.False(memory.View[(pages * LinearMemory.PageBytes)..].ContainsAnyExcept((byte)0));
                memory.View.Fill(9);
            }
        }
    }

    [Fact]
    public void A_guest_cannot_see_the_neighbour_behind_its_memory()
    {
        var m = new ModuleBuilder().Memory(1, 1, "memory");
        m.Function(m.Type([I32], [I32]), new Code().Get(0).With(0x2D, 0, 0).End(), "peek");
        var module = Compile(m);
        using var first = module.Instantiate([], Limits);
        using var second = module.Instantiate([], Limits);
        second.Memory!.Slice(0, 1)[0] = 42;
        first.Memory!.Slice(0, 1)[0] = 41;
        Assert.Equal(41, first.Call("peek", 0));
        foreach (var beyond in (int[])[65_536, 131_072, -65_536, -1, int.MinValue, int.MaxValue])
            Assert.Equal(TrapKind.MemoryOutOfBounds, Traps(() =>
            {
                using var instance = module.Instantiate([], Limits);
                instance.Call("peek", beyond);
            }).Kind);
    }
}
