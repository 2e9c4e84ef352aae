using Docket.Model;

namespace Docket.Schemas;

/// <summary>The rules of property groups (reference/properties-pipelines-search-associations.md 1.9). Pure.</summary>
internal static class GroupRules
{
    /// <summary>Longest name, because it is part of a URL: the same as a property's.</summary>
    const int NameMax = 100;

    public static Edited<PropertyGroup> Create(SchemaContent content, PropertyGroupCreate input)
    {
        if (input.Name!.Length is 0 or > NameMax)
        {
            throw new Refusal(Faults.PropertyGroupNameInvalid(input.Name, NameMax));
        }

        if (content.Groups.Any(group => group.Name == input.Name))
        {
            throw new Refusal(Faults.PropertyGroupExists(input.Name));
        }

        var next = content.Groups.Max(group => (int?)group.DisplayOrder) + 1 ?? 0;
        var created = new PropertyGroup(input.Name, input.Label!, input.DisplayOrder ?? next, false);
        return new(content with { Groups = content.Groups.Add(created) }, created);
    }

    public static Edited<PropertyGroup> Update(SchemaContent content, string name, PropertyGroupUpdate input)
    {
        var old = Find(content, name);
        var wanted = old with { Label = input.Label ?? old.Label, DisplayOrder = input.DisplayOrder ?? old.DisplayOrder };
        return new(content with { Groups = content.Groups.Replace(old, wanted) }, wanted);
    }

    /// <summary>Permanently deletes a group. Its name becomes free.</summary>
    public static SchemaContent Delete(SchemaContent content, string name)
    {
        var old = Find(content, name);
        return content.Properties.Values.Any(property => property.Definition.GroupName == name)
            ? throw new Refusal(Faults.PropertyGroupInUse())
            : content with { Groups = content.Groups.Remove(old) };
    }

    public static PropertyGroup Find(SchemaContent content, string name) =>
        content.Groups.FirstOrDefault(group => group.Name == name) ?? throw new Refusal(Faults.PropertyGroupNotFound(name));
}
