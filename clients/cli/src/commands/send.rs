//! The commands that send files and folders.

use crate::arguments::{SyncOptions, UploadOptions};
use crate::commands::folders::Folders;
use crate::commands::own::own_or;
use crate::commands::upload::Uploads;
use crate::failure::Outcome;
use crate::local::folder::error::FolderError;
use crate::network::gateway::Gateway;
use crate::output::Output;
use crate::progress::Progress;
use capsule_shared::limits::MAX_CHUNK_BYTES;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{Mutex, Semaphore};

/// Uploads files, and all files in folders.
pub async fn upload(gateway: Gateway, options: UploadOptions, output: Output) -> Outcome {
    let choice = options.choice.choice();
    let parallel = usize::from(options.sending.parallel);
    let capsule = own_or(&gateway, options.sending.capsule).await?;
    let (folders, plain): (Vec<PathBuf>, Vec<PathBuf>) =
        options.files.into_iter().partition(|path| path.is_dir());
    let uploads = Uploads {
        mime_type: options.mime_type,
        again: options.again,
        ..uploads(gateway, Some(&capsule), parallel, output)
    };
    if folders.is_empty() {
        return uploads.run(&plain, parallel).await;
    }
    let sending = Folders {
        uploads,
        capsule: Some(capsule),
        parallel,
        unproven: options.trust.unproven,
        dry_run: false,
    };
    sending.run(folders, plain, choice).await
}

/// Uploads what a capsule lacks of a folder. A dry run makes no capsule either.
pub async fn sync(gateway: Gateway, options: SyncOptions, output: Output) -> Outcome {
    let choice = options.choice.choice();
    let parallel = usize::from(options.sending.parallel);
    check_folder(&options.folder)?;
    let capsule = match (options.sending.capsule, options.dry_run) {
        (None, true) => gateway.own_capsule_if_any().await?,
        (capsule, _) => Some(own_or(&gateway, capsule).await?),
    };
    let folders = Folders {
        uploads: uploads(gateway, capsule.as_deref(), parallel, output),
        capsule,
        parallel,
        unproven: options.trust.unproven,
        dry_run: options.dry_run,
    };
    let folder = vec![options.folder];
    folders.run(folder, Vec::new(), choice).await
}

/// Uploads into a capsule, `parallel` chunks at once.
fn uploads(gateway: Gateway, capsule: Option<&str>, parallel: usize, output: Output) -> Uploads {
    Uploads {
        gateway,
        capsule: capsule.unwrap_or_default().to_string(),
        mime_type: None,
        again: false,
        slots: Arc::new(Semaphore::new(parallel * MAX_CHUNK_BYTES)),
        trash: Mutex::default(),
        progress: Progress::new(output.json),
        output,
    }
}

fn check_folder(path: &Path) -> Result<(), FolderError> {
    let path = path.to_path_buf();
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(FolderError::NotAFolder { path }),
        Err(error) => Err(FolderError::Read { path, error }),
    }
}
