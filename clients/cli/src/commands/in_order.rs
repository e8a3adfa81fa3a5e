//! Tasks side by side, whose outcomes keep their order.

use futures_util::stream::{self, StreamExt};

/// Does all tasks, `at_once` of them in parallel. The outcomes have the order of the tasks.
pub async fn all_in_order<T: Future>(
    tasks: impl Iterator<Item = T>,
    at_once: usize,
) -> Vec<T::Output> {
    let numbered = tasks
        .enumerate()
        .map(|(number, task)| async move { (number, task.await) });
    let done = stream::iter(numbered).buffer_unordered(at_once.max(1));
    let mut done: Vec<(usize, T::Output)> = done.collect().await;
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn outcomes_have_the_order_of_the_files_and_not_of_time() {
        let (tell, told) = oneshot::channel();
        let (mut tell, mut told) = (Some(tell), Some(told));
        let tasks = [1, 2].map(|number| {
            let (tell, told) = match number {
                1 => (None, told.take()),
                _ => (tell.take(), None),
            };
            async move {
                // the first task waits for the second
                if let Some(told) = told {
                    told.await.unwrap();
                }
                if let Some(tell) = tell {
                    tell.send(()).unwrap();
                }
                number
            }
        });
        assert_eq!(all_in_order(tasks.into_iter(), 2).await, [1, 2]);
    }
}
