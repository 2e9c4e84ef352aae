using System.Text;

namespace Docket.Bench;

/// <summary>Tickets and contacts to associate. All contacts are associated with the first one too.</summary>
/// <param name="Tickets">Record ids of tickets.</param>
/// <param name="Contacts">Record ids of contacts, in order.</param>
internal sealed record Ends(long[] Tickets, long[] Contacts);

/// <summary>Associates random tickets with random contacts.</summary>
internal sealed class Associations(Ends ends, Picker picker) : Question(picker.Table)
{
    public override int Write(Request request)
    {
        request.Post("/crm/v4/associations/tickets/contacts/batch/create"u8);
        request.Add("{\"inputs\":["u8);
        for (var i = 0; i < BatchSize; i++)
        {
            request.Add(i == 0 ? ""u8 : ","u8);
            AddPair(request, ends.Tickets[picker.Pick() % ends.Tickets.Length], ends.Contacts[picker.Pick() % ends.Contacts.Length]);
        }

        request.Add("]}"u8);
        request.End();
        return BatchSize;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => body.Count("\"toObjectId\":"u8) == BatchSize;

    /// <summary>An input of a ticket and a contact.</summary>
    public static void AddPair(Request request, long ticket, long contact)
    {
        request.Add("{\"from\":{\"id\":\""u8);
        request.Add(ticket);
        request.Add("\"},"u8);
        AddEnd(request, contact, 16);
    }

    /// <summary>The other record of an association, with its type and the closing brace.</summary>
    public static void AddEnd(Request request, long id, int type)
    {
        request.Add("\"to\":{\"id\":\""u8);
        request.Add(id);
        request.Add("\"},\"types\":[{\"associationCategory\":\"HUBSPOT_DEFINED\",\"associationTypeId\":"u8);
        request.Add(type);
        request.Add("}]}"u8);
    }
}

/// <summary>The one association of each of a hundred random contacts with the first one.</summary>
internal sealed class AssociationReads(Ends ends, Picker picker) : Question(picker.Table)
{
    public override int Write(Request request)
    {
        request.Post("/crm/v4/associations/contacts/contacts/batch/read"u8);
        request.Add("{\"inputs\":["u8);
        for (var i = 0; i < BatchSize; i++)
        {
            request.Add(i == 0 ? "{\"id\":\""u8 : ",{\"id\":\""u8);
            request.Add(ends.Contacts[1 + (picker.Pick() % (ends.Contacts.Length - 1))]);
            request.Add("\"}"u8);
        }

        request.Add("]}"u8);
        request.End();
        return BatchSize;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => body.Count("\"toObjectId\":"u8) == BatchSize;
}

/// <summary>Pages of a hundred that begin at random places among the associations of the first contact.</summary>
internal sealed class AssociationPages(Ends ends, Picker picker) : Question(picker.Table)
{
    public override int Write(Request request)
    {
        request.Get();
        request.Add("/crm/v4/objects/contacts/"u8);
        request.Add(ends.Contacts[0]);
        request.Add("/associations/contacts?limit=100&after="u8);
        request.Add(ends.Contacts[picker.Pick() % (ends.Contacts.Length - BatchSize)]);
        request.End();
        return BatchSize;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => body.Count("\"toObjectId\":"u8) == BatchSize;
}

/// <summary>Ten of the contacts that are associated with a contact, and their total: with the first one, which are all, or with a random one, which is one.</summary>
internal sealed class AssociationSearches(Ends ends, Picker picker, bool all) : Question(picker.Table)
{
    public override int Write(Request request)
    {
        request.Post("/crm/v3/objects/contacts/search"u8);
        request.Add("{\"limit\":10,\"filterGroups\":[{\"filters\":[{\"propertyName\":\"associations.contact\",\"operator\":\"EQ\",\"value\":\""u8);
        request.Add(ends.Contacts[all ? 0 : 1 + (picker.Pick() % (ends.Contacts.Length - 1))]);
        request.Add("\"}]}]}"u8);
        request.End();
        return 1;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => body.Count("\"createdAt\":"u8) == (all ? 10 : 1);
}

/// <summary>Ten of the contacts with an option that all have, and their total.</summary>
internal sealed class OptionSearches(Picker picker) : Question(picker.Table)
{
    public override int Write(Request request)
    {
        request.Post("/crm/v3/objects/contacts/search"u8);
        request.Add("{\"limit\":10,\"filterGroups\":[{\"filters\":[{\"propertyName\":\"lifecyclestage\",\"operator\":\"EQ\",\"value\":\"lead\"}]}]}"u8);
        request.End();
        return 1;
    }

    public override bool IsRight(ReadOnlySpan<byte> body) => body.Count("\"createdAt\":"u8) == 10;
}

/// <summary>What an integration does for each message: upserts a contact by its address and a ticket by its key, associates the two, and adds a note to both.</summary>
internal sealed class Messages(Picker picker) : Question(picker.Table)
{
    const int Steps = 4;

    int step = -1;
    long contact, ticket;

    public override int Write(Request request)
    {
        step = (step + 1) % Steps;
        switch (step)
        {
            case 0:
                request.Post("/crm/v3/objects/contacts/batch/upsert"u8);
                request.Add("{\"inputs\":[{\"idProperty\":\"email\",\"id\":\"person"u8);
                request.Add(picker.Pick());
                request.Add("@example.com\",\"properties\":{\"firstname\":\"Ann\"}}]}"u8);
                break;
            case 1:
                var number = picker.Pick();
                request.Post("/crm/v3/objects/tickets/batch/upsert"u8);
                request.Add("{\"inputs\":["u8);
                AddInput(request, number, Table.Advance(number, Change.Texts));
                request.Add("]}"u8);
                break;
            case 2:
                request.Post("/crm/v4/associations/tickets/contacts/batch/create"u8);
                request.Add("{\"inputs\":["u8);
                Associations.AddPair(request, ticket, contact);
                request.Add("]}"u8);
                break;
            default:
                request.Post("/crm/v3/objects/notes"u8);
                request.Add("{\"properties\":{\"hs_timestamp\":\"2026-01-02T03:04:05Z\",\"hs_note_body\":\"Called back\"},\"associations\":[{"u8);
                Associations.AddEnd(request, ticket, 228);
                request.Add(",{"u8);
                Associations.AddEnd(request, contact, 202);
                request.Add("]}"u8);
                break;
        }

        request.End();
        return step == Steps - 1 ? 1 : 0;
    }

    public override bool IsRight(ReadOnlySpan<byte> body)
    {
        switch (step)
        {
            case 0:
                contact = Answers.Id(body);
                return true;
            case 1:
                ticket = Answers.Id(body);
                return true;
            case 2:
                return body.IndexOf("\"toObjectId\":"u8) >= 0;
            default:
                return Answers.Id(body) > 0;
        }
    }
}

/// <summary>Creates contacts.</summary>
internal static class NewContacts
{
    /// <summary>Writes a batch of contacts, associated with the first one if there is one.</summary>
    public static void Write(Request request, int count, long? first)
    {
        request.Post("/crm/v3/objects/contacts/batch/create"u8);
        var ties = first is { } id ? $$$""","associations":[{"to":{"id":"{{{id}}}"},"types":[{"associationCategory":"HUBSPOT_DEFINED","associationTypeId":449}]}]""" : "";
        var inputs = Enumerable.Repeat($$"""{"properties":{"firstname":"Ann"}{{ties}}}""", count);
        request.Add(Encoding.ASCII.GetBytes($$"""{"inputs":[{{string.Join(',', inputs)}}]}"""));
        request.End();
    }
}
