using System.Buffers.Binary;
using Docket.Model;
using Docket.Writes;

namespace Docket.Index;

/// <summary>Reads the stored values of a property of records, by id; without those that have none.</summary>
internal delegate IReadOnlyDictionary<long, byte[]> ReadValues(IReadOnlyCollection<long> ids, Property property);

/// <summary>
/// The values of documents themselves, for cases in which the keys and hashes of columns are not enough. Who needs many asks for them
/// together first, because a read may be a round trip.
/// </summary>
internal sealed class StoredValues(SearchIndex index, IndexReader reader, IndexColumns columns, ReadValues readValues)
{
    readonly Dictionary<(int Document, int Property), byte[]> read = [];
    byte[] scratch = new byte[256];

    /// <summary>Reads the texts of documents.</summary>
    public void ReadTexts(IEnumerable<int> documents, Property property)
    {
        var ids = documents.Where(document => !read.ContainsKey((document, property.Number))).ToDictionary(document => index.IdOf(document, reader.Column));
        if (ids.Count > 0)
        {
            var values = readValues(ids.Keys, property);
            foreach (var (id, document) in ids)
            {
                read[(document, property.Number)] = values.GetValueOrDefault(id, []);
            }
        }
    }

    /// <summary>Reads the numbers of documents with an inexact key.</summary>
    public void ReadNumbers(IEnumerable<int> documents, Property property) => ReadTexts(documents.Where(document => ExactAt(document, property) != 0), OriginOf(property));

    /// <summary>The hash of a number with an inexact key; 0 for any other value.</summary>
    public ulong ExactAt(int document, Property property) =>
        Key.FormOf(property) == Form.Number && columns.Hashes(property, document >> DocSet.Bits) is var exact && (document & (DocSet.Size - 1)) is var doc && doc < exact.Length ? exact[doc] : 0;

    /// <summary>A number with all its digits. If a record was permanently deleted just now, only the key is left.</summary>
    public ExactNumber NumberOf(int document, Property property)
    {
        if (ExactAt(document, property) != 0 && ValueOf(document, OriginOf(property)) is { Length: > 0 } value && PropertyValues.IsNumber(value))
        {
            return ExactNumber.Parse(value);
        }

        var keys = columns.Keys(property, document >> DocSet.Bits);
        return ExactNumber.Of(Key.ToNumber(keys[document & (DocSet.Size - 1)]));
    }

    /// <summary>A stored text in the compared form. Valid until the next call.</summary>
    public ReadOnlySpan<byte> TextOf(int document, Property property)
    {
        var value = ValueOf(document, property);
        return Key.FormOf(property) == Form.Text ? Words.ToLower(value, ref scratch) : value;
    }

    /// <summary>The part of a text that determines its order. If a record was merged or deleted just now, the index may have the first bytes of a value that the portal no longer has.</summary>
    public ReadOnlySpan<byte> OrderTextOf(int document, Property property)
    {
        var text = TextOf(document, property);
        if (text.IsEmpty && columns.Keys(property, document >> DocSet.Bits) is var keys && keys[document & (DocSet.Size - 1)] is not 0 and var key)
        {
            BinaryPrimitives.WriteUInt64BigEndian(scratch, key);
            text = scratch.AsSpan(0, sizeof(ulong)).TrimEnd((byte)0);
        }

        return text[..Math.Min(text.Length, Key.TextMax)];
    }

    Property OriginOf(Property property) => columns.Schema.OriginOf(property) ?? property;

    byte[] ValueOf(int document, Property property)
    {
        ReadTexts([document], property);
        return read[(document, property.Number)];
    }
}
