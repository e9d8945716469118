using System.Globalization;
using System.Text;

namespace AgentRuntime.Prompts.Jinja;

/// <summary>
/// The functions that templates find without having been given them: Jinja2's, and those of transformers
/// (src/transformers/utils/chat_template_utils.py). Stateless.
/// </summary>
internal static class Globals
{
    private const int LongestRange = 100_000;

    public static RenderScope Create(Func<RenderState> state, TimeProvider time)
    {
        var scope = new RenderScope(null);
        Add("range", a => Range(state(), a));
        Add("dict", a => Filled(new JinjaMap(), a));
        Add("namespace", a =>
        {
            var space = new JinjaNamespace();
            foreach (var (key, value) in Filled(new JinjaMap(), a).Entries)
                space.Members[Python.Text(key)] = value;
            return space;
        });
        Add("raise_exception", a => throw new JinjaException(Python.Text(a.Get(0, "message")))
        {
            RaisedByTemplate = true,
        });
        Add("strftime_now", a => Format(time.GetLocalNow(), TextMethods.Needed(a.Get(0, "format"))));
        return scope;

        void Add(string name, Func<JinjaArguments, object?> call) => scope.Set(name, new JinjaCallable(name, call));
    }

    private static JinjaMap Filled(JinjaMap map, JinjaArguments a)
    {
        if (a.Positional is [JinjaMap given])
        {
            foreach (var (key, value) in given.Entries)
                map.With(key, value);
        }

        foreach (var (name, value) in a.Named)
            map.With(name, value);
        return map;
    }

    private static JinjaList Range(RenderState state, JinjaArguments a)
    {
        var numbers = a.Positional.Select(p => Operations.Integer(p)
            ?? throw new JinjaException("range needs integers")).ToArray();
        var (start, stop, step) = numbers switch
        {
            [var end] => (0L, end, 1L),
            [var begin, var end] => (begin, end, 1L),
            [var begin, var end, not 0 and var by] => (begin, end, by),
            _ => throw new JinjaException("range needs one to three integers"),
        };
        var items = new List<object?>();
        for (var i = start; step > 0 ? i < stop : i > stop; i += step)
        {
            if (items.Count == LongestRange)
                throw new JinjaException($"a range is longer than {LongestRange}");
            items.Add(i);
        }

        return state.Made(items);
    }

    private static string Format(DateTimeOffset now, string format)
    {
        var text = new StringBuilder();
        for (var i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || ++i == format.Length)
            {
                text.Append(format[Math.Min(i, format.Length - 1)]);
                continue;
            }

            text.Append(format[i] switch
            {
                'Y' => Now("yyyy"),
                'y' => Now("yy"),
                'm' => Now("MM"),
                'B' => Now("MMMM"),
                'b' => Now("MMM"),
                'd' => Now("dd"),
                'e' => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
                'A' => Now("dddd"),
                'a' => Now("ddd"),
                'H' => Now("HH"),
                'I' => Now("hh"),
                'M' => Now("mm"),
                'S' => Now("ss"),
                'p' => Now("tt"),
                'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
                'F' => Now("yyyy-MM-dd"),
                'T' => Now("HH:mm:ss"),
                'D' => Now("MM/dd/yy"),
                'Z' or 'z' => "",
                '%' => "%",
                var other => throw new JinjaException($"strftime_now does not know %{other}"),
            });
        }

        return text.ToString();

        string Now(string form) => now.ToString(form, CultureInfo.InvariantCulture);
    }
}
