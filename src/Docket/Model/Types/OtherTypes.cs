namespace Docket.Model.Types;

/// <summary>Types that have properties and nothing else that is special (reference/objects-other-than-tickets.md 1, 6).</summary>
internal static class OtherTypes
{
    public static readonly ObjectType Leads = TypeParts.Plain("0-136", "leads", "lead", () => TypeParts.SeedOf(
        "lead_information", "Lead information",
        TypeParts.Own("hs_lead_name", "Lead name"), TypeParts.Own("hs_lead_type", "Lead type"), TypeParts.Own("hs_lead_label", "Lead label"))) with
    {
        Required = ["hs_lead_name"],
        RefusesPipelines = true,
        Searched = ["hs_lead_name"],
    };

    public static readonly ObjectType FeedbackSubmissions = TypeParts.Plain("0-19", "feedback_submissions", "feedback_submission", () => TypeParts.SeedOf(
        "feedback_submission_information", "Feedback submission information",
        TypeParts.Own("hs_survey_type", "Survey type"), TypeParts.Own("hs_survey_name", "Survey name"), TypeParts.Own("hs_survey_id", "Survey ID", "number"),
        TypeParts.Own("hs_survey_channel", "Survey channel"), TypeParts.Own("hs_value", "Rating", "number"), TypeParts.Own("hs_sentiment", "Sentiment"),
        TypeParts.Own("hs_response_group", "Response group"), TypeParts.Own("hs_content", "Response", fieldType: "textarea"),
        TypeParts.Own("hs_submission_name", "Submission name"), TypeParts.Own("hs_ingestion_id", "Ingestion ID"), TypeParts.Own("hs_timestamp", "Submission date", "datetime"))) with
    {
        Scopes = TypeParts.ScopesOf("feedback_submissions") with
        {
            Read = new(["crm.objects.feedback_submissions.read", "crm.objects.contacts.read"], Named: ["crm.schemas.feedback_submissions.read", "crm.objects.feedback_submissions.read"]),
        },
        Searched = ["hs_submission_name", "hs_content"],
    };

    public static readonly ObjectType Users = TypeParts.Plain("0-115", "users", "user", () => TypeParts.SeedOf(
        "user_information", "User information",
        TypeParts.Own("hs_email", "Email"), TypeParts.Own("hs_given_name", "First name"), TypeParts.Own("hs_family_name", "Last name"),
        TypeParts.Own("hs_job_title", "Job title"), TypeParts.Own("hs_internal_user_id", "User ID", "number"),
        TypeParts.Own("hs_standard_time_zone", "Time zone"), TypeParts.Own("hs_availability_status", "Availability status"))) with
    {
        Searched = ["hs_email", "hs_given_name", "hs_family_name"],
    };
}
