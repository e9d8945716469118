using System.Globalization;

namespace AgentRuntime.Policies.Cedar;

/// <summary>
/// The datetime extension: <c>YYYY-MM-DD</c>, optionally <c>Thh:mm:ss[.SSS](Z|±hhmm)</c> (Cedar RFC 80). Years 0000 to
/// 9999, so the calendar arithmetic is done here: <see cref="DateTime"/> has no year 0.
/// </summary>
internal static class CedarDatetime
{
    public static bool TryParse(ReadOnlySpan<char> text, out long milliseconds)
    {
        milliseconds = 0;
        if (text.Length < 10 || text[4] != '-' || text[7] != '-') return false;
        if (!TryDigits(text[..4], out var year) || !TryDigits(text[5..7], out var month)
            || !TryDigits(text[8..10], out var day)) return false;
        if (month is < 1 or > 12 || day < 1 || day > DaysInMonth(year, month)) return false;
        var days = DaysFromCivil(year, month, day);
        milliseconds = days * CedarDuration.MillisecondsPerDay;
        return text.Length == 10 || TryTime(text[10..], ref milliseconds);
    }

    /// <summary>
    /// The datetime in a form that the constructor reads, or an offset from the epoch beyond year 9999.
    /// </summary>
    public static string Format(long milliseconds)
    {
        var days = Math.DivRem(milliseconds, CedarDuration.MillisecondsPerDay, out var rest);
        if (rest < 0)
        {
            rest += CedarDuration.MillisecondsPerDay;
            days--;
        }

        var (year, month, day) = CivilFromDays(days);
        var sign = year is >= 0 and <= 9999 ? "" : year < 0 ? "-" : "+";
        var digits = sign.Length == 0 ? "D4" : "D9";
        var date = string.Create(CultureInfo.InvariantCulture, $"{month:D2}-{day:D2}T");
        var time = string.Create(
            CultureInfo.InvariantCulture,
            $"{rest / 3_600_000:D2}:{rest / 60_000 % 60:D2}:{rest / 1000 % 60:D2}.{rest % 1000:D3}Z");
        return $"{sign}{Math.Abs(year).ToString(digits, CultureInfo.InvariantCulture)}-{date}{time}";
    }

    /// <summary>True when <see cref="Format"/> gives text that the constructor accepts.</summary>
    public static bool IsWritable(long milliseconds) => milliseconds is >= -62167219200000 and <= 253402300799999;

    /// <summary>Midnight of the day; false when that leaves the range.</summary>
    public static bool TryToDate(long milliseconds, out long date)
    {
        var rest = milliseconds % CedarDuration.MillisecondsPerDay;
        if (rest < 0) rest += CedarDuration.MillisecondsPerDay;
        date = unchecked(milliseconds - rest);
        return date <= milliseconds;
    }

    public static long ToTime(long milliseconds)
    {
        var rest = milliseconds % CedarDuration.MillisecondsPerDay;
        return rest < 0 ? rest + CedarDuration.MillisecondsPerDay : rest;
    }

    private static bool TryTime(ReadOnlySpan<char> text, ref long milliseconds)
    {
        if (text.Length < 10 || text[0] != 'T' || text[3] != ':' || text[6] != ':') return false;
        if (!TryDigits(text[1..3], out var hour) || !TryDigits(text[4..6], out var minute)
            || !TryDigits(text[7..9], out var second)) return false;
        if (hour > 23 || minute > 59 || second > 59) return false;
        var zone = text[9..];
        var fraction = 0;
        if (zone[0] == '.')
        {
            if (zone.Length < 5 || !TryDigits(zone[1..4], out fraction)) return false;
            zone = zone[4..];
        }

        if (!TryOffset(zone, out var offsetMinutes)) return false;
        milliseconds += (((hour * 60L) + minute - offsetMinutes) * 60_000) + (second * 1000L) + fraction;
        return true;
    }

    private static bool TryOffset(ReadOnlySpan<char> zone, out int minutes)
    {
        minutes = 0;
        if (zone is "Z") return true;
        if (zone.Length != 5 || zone[0] is not ('+' or '-')) return false;
        if (!TryDigits(zone[1..3], out var hours) || !TryDigits(zone[3..5], out var rest)) return false;
        if (hours > 23 || rest > 59) return false;
        minutes = (hours * 60) + rest;
        if (zone[0] == '-') minutes = -minutes;
        return true;
    }

    private static bool TryDigits(ReadOnlySpan<char> text, out int number)
    {
        number = 0;
        foreach (var c in text)
        {
            if (!char.IsAsciiDigit(c)) return false;
            number = (number * 10) + (c - '0');
        }

        return true;
    }

    private static int DaysInMonth(int year, int month) => month switch
    {
        2 => year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28,
        4 or 6 or 9 or 11 => 30,
        _ => 31,
    };

    // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": the year starts in March.
    private static long DaysFromCivil(long year, int month, int day)
    {
        if (month <= 2) year--;
        var era = (year >= 0 ? year : year - 399) / 400;
        var yearOfEra = year - (era * 400);
        var dayOfYear = (((153 * (month + (month > 2 ? -3 : 9))) + 2) / 5) + day - 1;
        var dayOfEra = (yearOfEra * 365) + (yearOfEra / 4) - (yearOfEra / 100) + dayOfYear;
        return (era * 146097) + dayOfEra - 719468;
    }

    private static (long Year, int Month, int Day) CivilFromDays(long days)
    {
        days += 719468;
        var era = (days >= 0 ? days : days - 146096) / 146097;
        var dayOfEra = days - (era * 146097);
        var yearOfEra = (dayOfEra - (dayOfEra / 1460) + (dayOfEra / 36524) - (dayOfEra / 146096)) / 365;
        var dayOfYear = dayOfEra - ((365 * yearOfEra) + (yearOfEra / 4) - (yearOfEra / 100));
        var shifted = ((5 * dayOfYear) + 2) / 153;
        var day = (int)(dayOfYear - (((153 * shifted) + 2) / 5) + 1);
        var month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
        return (yearOfEra + (era * 400) + (month <= 2 ? 1 : 0), month, day);
    }
}
