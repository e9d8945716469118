using System.Text;
using AgentRuntime.Node.Interop;
using AgentRuntime.Node.Models;

namespace AgentRuntime.Node.Tests.Models;

public sealed class GgufVocabularyTests
{
    [Fact]
    public void A_copied_vocabulary_loads_and_is_the_models()
    {
        DemoNode.LoadLibrary();
        var copy = Path.GetTempFileName();
        try
        {
            using (var target = File.Create(copy)) GgufVocabulary.Copy(DemoNode.ModelPath, target);
            Assert.True(new FileInfo(copy).Length < new FileInfo(DemoNode.ModelPath).Length / 2);
            using var whole = LoadedModel.Load(DemoNode.Options);
            using var vocabulary = LoadVocabulary(copy);
            Assert.False(vocabulary.IsInvalid);
            Assert.Equal(whole.VocabularySize, Llama.VocabSize(Llama.ModelVocab(vocabulary)));
        }
        finally
        {
            File.Delete(copy);
        }
    }

    [Fact]
    public void A_value_of_the_metadata_is_whole_however_long_it_is()
    {
        DemoNode.LoadLibrary();
        var name = string.Concat(Enumerable.Repeat("long é ", 2000));
        using var model = LoadedModel.LoadVocabulary(DemoNode.Write("long.gguf", new() { Name = name }));
        Assert.Equal(name, model.Metadata("general.name"));
        Assert.Null(model.Metadata("general.nothing"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("GGUF")]
    [InlineData("not a model, but long enough to have a header")]
    public void What_is_no_gguf_is_refused(string content)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, content);
            var e = Assert.ThrowsAny<Exception>(() => GgufVocabulary.Copy(file, Stream.Null));
            Assert.True(e is InvalidDataException or EndOfStreamException);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static unsafe ModelHandle LoadVocabulary(string path)
    {
        var parameters = Llama.ModelDefaultParams();
        parameters.VocabOnly = 1;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0")) return Llama.ModelLoad(name, parameters);
    }
}
