/** What a node, or the webhook, said to an exit that it was handed. */
export type SubmissionResult = 'accepted' | 'refused' | 'unanswered'
