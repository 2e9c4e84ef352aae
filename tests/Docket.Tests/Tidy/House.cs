using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Docket.Tests.Tidy;

/// <summary>One file of the library that uses a type of another.</summary>
internal readonly record struct Arrow(string From, string To, string Type)
{
    public override string ToString() => $"{From} uses {Type} of {To}";
}

/// <summary>The library as the compiler sees it: its rooms are the folders, its arrows the uses of one file's types in another.</summary>
internal static partial class House
{
    /// <summary>The folder of the repository.</summary>
    public static readonly string Root = RootFolder();

    static readonly string Library = Path.Combine(Root, "src", "Docket");

    /// <summary>What the project itself brings into scope (<c>ImplicitUsings</c>).</summary>
    const string ImplicitUsings = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq; global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;";

    static readonly Lazy<ImmutableArray<Arrow>> ArrowsOnce = new(FindArrows);

    /// <summary>Each use of a file's type in another file, once.</summary>
    public static ImmutableArray<Arrow> Arrows => ArrowsOnce.Value;

    /// <summary>The files of the library, relative to its folder, with <c>/</c>.</summary>
    public static IEnumerable<string> Files => SourcesOf(Library).Select(Relative);

    /// <summary>The folder of a file: <c>Stores/Sqlite</c>; empty for files in the project folder.</summary>
    public static string RoomOf(string file) => file.LastIndexOf('/') is var end and >= 0 ? file[..end] : "";

    public static string TextOf(string file) => File.ReadAllText(Path.Combine(Library, file));

    public static IEnumerable<string> SourcesOf(string folder) =>
        Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories).Where(file => !BuildFolder().IsMatch(file)).Order(StringComparer.Ordinal);

    static string Relative(string file) => Path.GetRelativePath(Library, file).Replace('\\', '/');

    static ImmutableArray<Arrow> FindArrows()
    {
        var parsing = CSharpParseOptions.Default.WithLanguageVersion(LanguageVersion.Latest);
        var trees = SourcesOf(Library).Select(file => CSharpSyntaxTree.ParseText(File.ReadAllText(file), parsing, path: Relative(file))).ToList();
        var references = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(path => Path.GetFileName(path) != "Docket.Server.dll")
            .Select(path => MetadataReference.CreateFromFile(path));
        var compilation = CSharpCompilation.Create("Docket.Server", [.. trees, CSharpSyntaxTree.ParseText(ImplicitUsings, parsing)], references,
            new(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true, nullableContextOptions: NullableContextOptions.Enable));
        return [.. trees.AsParallel().SelectMany(tree => ArrowsFrom(tree, compilation.GetSemanticModel(tree))).Distinct().OrderBy(arrow => arrow.ToString(), StringComparer.Ordinal)];
    }

    static IEnumerable<Arrow> ArrowsFrom(SyntaxTree tree, SemanticModel model)
    {
        foreach (var node in tree.GetRoot().DescendantNodes())
        {
            var symbol = node switch
            {
                SimpleNameSyntax name => model.GetSymbolInfo(name).Symbol,
                BaseObjectCreationExpressionSyntax creation => model.GetTypeInfo(creation).Type, // new() names no type
                _ => null,
            };
            var type = (symbol as IMethodSymbol)?.ReducedFrom?.ContainingType ?? symbol as INamedTypeSymbol ?? symbol?.ContainingType;
            foreach (var reference in type?.OriginalDefinition.DeclaringSyntaxReferences ?? [])
            {
                // A type in several files counts as one.
                if (reference.SyntaxTree != tree && reference.SyntaxTree.FilePath.Length > 0)
                {
                    yield return new(tree.FilePath, reference.SyntaxTree.FilePath, type!.Name);
                }
            }
        }
    }

    static string RootFolder([CallerFilePath] string thisFile = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", ".."));

    [GeneratedRegex(@"[\\/](bin|obj|node_modules)[\\/]")]
    private static partial Regex BuildFolder();
}
