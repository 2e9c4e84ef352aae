namespace Docket;

/// <summary>Where the data is.</summary>
/// <param name="Directory">The data directory.</param>
/// <param name="Store">See <see cref="DocketOptions.Store"/>.</param>
/// <param name="PasswordFile">See <see cref="DocketOptions.StorePasswordFile"/>.</param>
internal sealed record DataPlace(string Directory, string? Store = null, string? PasswordFile = null);
