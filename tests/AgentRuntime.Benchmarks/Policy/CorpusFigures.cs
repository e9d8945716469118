using System.Diagnostics;
using System.Text.Json.Nodes;
using AgentRuntime.Conformance.Cedar;
using AgentRuntime.TestKit;

namespace AgentRuntime.Benchmarks.Policy;

/// <summary>How much of the official corpus passes; 0 of 0 where the corpus is not there.</summary>
internal static class CorpusFigures
{
    public static void AddTo(JsonObject figures)
    {
        figures["corpus_passed"] = 0;
        figures["corpus_total"] = 0;
        if (SharedData.Folder is not { } data)
        {
            Console.Error.WriteLine("the corpus is not there");
            return;
        }

        var folder = Directory.CreateTempSubdirectory("cedar-corpus");
        try
        {
            foreach (var archive in Directory.EnumerateFiles(data, "cedar-*.tar.xz"))
            {
                using var tar = Process.Start(new ProcessStartInfo("tar", ["xf", archive, "-C", folder.FullName]))!;
                tar.WaitForExit();
            }

            var tally = new CedarConformance().Run(folder.FullName, [], Console.Error);
            figures["corpus_passed"] = tally.Passed;
            figures["corpus_total"] = tally.Passed + tally.Failed;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
