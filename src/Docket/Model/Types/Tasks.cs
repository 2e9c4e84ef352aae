using System.Collections.Immutable;
using System.Text;

namespace Docket.Model.Types;

/// <summary>Everything that is specific to tasks (reference/objects-other-than-tickets.md 5.2).</summary>
internal static class Tasks
{
    const string Status = "hs_task_status", Kind = "hs_task_type", Stage = "hs_pipeline_stage", Completed = "COMPLETED", CompletionDate = "hs_task_completion_date";

    const string PipelineId = "3d314325-1b2a-4225-9388-375f49c57ec3";

    // Which of the last two is which is unknown.
    static readonly ImmutableArray<(string Status, string Stage, string Label)> StatusStages =
    [
        ("NOT_STARTED", "af0e6a5c-2ea3-4c72-b69f-7c6cb3fdb591", "Not Started"),
        ("IN_PROGRESS", "dd5826e4-c976-4654-a527-b59ada542e52", "In Progress"),
        (Completed, "61bafb31-e7fa-46ed-aaa9-1322438d6e67", "Completed"),
        ("WAITING", "fc8148fb-3a2d-4b59-834e-69b7859347cb", "Waiting"),
        ("DEFERRED", "60b5c368-04c4-4d32-9b4a-457e159f49b7", "Deferred"),
    ];

    static readonly ImmutableArray<string>
        Overdue = ["hs_task_is_overdue", "hs_task_is_past_due_date", "hs_task_missed_due_date"],
        Completions = ["hs_task_completion_count", "hs_task_is_completed", "hs_task_is_completed_call", "hs_task_is_completed_email", "hs_task_is_completed_linked_in"];

    static readonly ObjectType Plain = Activities.Make(
        "0-27", "tasks", "task", "hs_task_body",
        [
            .. Overdue, .. Completions, Activities.LastContacted, "hs_start_date_with_fallback", "hs_task_family", "hs_task_for_object_type", "hs_task_is_all_day",
            "hs_task_is_completed_sequence", "hs_task_is_sub_task", "hs_task_missed_due_date_count", "hs_task_priority", Status, Kind,
        ]);

    public static readonly ObjectType Type = Plain with
    {
        Searched = ["hs_task_body", "hs_task_subject"],
        AfterUpdate = [.. Plain.AfterUpdate, CompletionDate, Activities.IsOpenTask, "hs_pipeline", Stage],
        Page = new("tasks/", "/view/all/task/", ""),
        Stages = new(
            "hs_pipeline", Stage, AfterMove: [], Group: "task",
            Metadata: [StageMetadataRule.IsClosed, new("state") { Allowed = ["OPEN", "CLOSED"], Default = "OPEN", Closing = ["CLOSED"] }])
        {
            DueDate = Activities.Timestamp,
            StagesMax = 30,
        },
        RollUps =
        [
            new("hs_num_associated_contacts", RollUpKind.Count, 204), new("hs_num_associated_companies", RollUpKind.Count, 192), new("hs_num_associated_deals", RollUpKind.Count, 216),
            new("hs_num_associated_tickets", RollUpKind.Count, 230),
        ],
        Followed = new([204, 192, 216, 230], Activities.Timestamp, Activities.IsOpenTask),
        Follow = Follow,
        Derived = Plain.Derived
            .AddRange(Overdue.Select(name => KeyValuePair.Create(name, Derivation.IsOverdue)))
            .Add("hs_task_missed_due_date_count", Derivation.OverdueCount)
            .Add("hs_start_date_with_fallback", Derivation.HubSpotCreateDate),
        Constants = ImmutableDictionary.CreateRange(new KeyValuePair<string, string>[] { new("hs_task_family", "SALES"), new("hs_task_is_completed_sequence", "0"), new("hs_task_is_sub_task", "false") }),
        Seed = () => TypeParts.SeedOf("tasks", Activities.Timestamp, "hubspot_owner_id", "hs_task_body", "hs_task_subject", Status, Kind, "hs_task_priority", "hs_pipeline", Stage)
            .With(Type!, TaskPipeline()),
    };

    static void Follow(Draft task)
    {
        Activities.FollowBody(task, "hs_task_body");
        Activities.FollowOwner(task);
        task.Set(Activities.LastContacted, task.After(Activities.Timestamp));
        FollowStage(task);
        task.Default(Status, "NOT_STARTED");
        task.Default("hs_task_priority", "NONE");
        task.Default(Kind, "TODO");
        task.Default("hs_task_is_all_day", "false");
        task.Default("hs_task_for_object_type", "OWNER");
        FollowStatus(task);
        if (task.IsNewOrChanges(Status, Kind))
        {
            Complete(task, isCompleted: task.Text(Status) == Completed, task.Text(Kind));
        }
    }

    // A stage of the task pipeline stands for a status.
    static void FollowStage(Draft task)
    {
        if (task.Changes(Stage) && !task.Changes(Status) && StatusStages.FirstOrDefault(known => known.Stage == task.Text(Stage)).Status is { } status)
        {
            task.Set(Status, status);
        }
    }

    // And a status for a stage, unless the task is in a pipeline or stage that the portal added.
    static void FollowStatus(Draft task)
    {
        if (task.Changes(Status) && StatusStages.FirstOrDefault(known => known.Status == task.Text(Status)).Stage is { } stage
            && task.Schema.FindStage(Encoding.UTF8.GetBytes(stage)) is not null
            && task.Text("hs_pipeline") is "" or PipelineId
            && task.Text(Stage) is var current && (current.Length == 0 || StatusStages.Any(known => known.Stage == current)))
        {
            task.Set(Stage, stage);
        }
    }

    static void Complete(Draft task, bool isCompleted, string kind)
    {
        if (!task.Changes(CompletionDate) && (task.IsNew || task.Text(Activities.IsOpenTask) == "true" == isCompleted))
        {
            task.SetMoment(CompletionDate, isCompleted ? task.Now : null);
        }

        task.Set(Activities.IsOpenTask, isCompleted ? "false" : "true");
        Count("hs_task_completion_count", true);
        Count("hs_task_is_completed", true);
        Count("hs_task_is_completed_call", kind == "CALL");
        Count("hs_task_is_completed_email", kind == "EMAIL");
        Count("hs_task_is_completed_linked_in", kind is "LINKED_IN_CONNECT" or "LINKED_IN_MESSAGE");

        void Count(string name, bool applies) => task.Set(name, isCompleted && applies ? "1" : "0");
    }

    static Pipeline TaskPipeline() => new()
    {
        Id = PipelineId,
        Label = "Task Pipeline",
        Stages =
        [
            .. StatusStages.Select((known, order) => new Stage
            {
                Id = known.Stage,
                Label = known.Label,
                DisplayOrder = order,
                Metadata = new([(StageMetadata.IsClosedKey, known.Status == Completed ? "true" : "false"), ("state", known.Status == Completed ? "CLOSED" : "OPEN")]),
            }),
        ],
    };
}
