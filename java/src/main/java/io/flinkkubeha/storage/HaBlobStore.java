/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.storage;

import org.apache.flink.api.common.JobID;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.blob.BlobKey;
import org.apache.flink.runtime.blob.BlobStoreService;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * BLOBs under the names that {@link org.apache.flink.runtime.blob.FileSystemBlobStore} gives them.
 *
 * <p>Open for the lines of Flink that also keep BLOBs by application.
 */
public class HaBlobStore implements BlobStoreService {

    private static final Logger LOG = LoggerFactory.getLogger(HaBlobStore.class);

    private static final String DIRECTORY = "blob";
    private static final String JOB_PREFIX = "job_";
    private static final String NO_JOB = "no_job";
    private static final String FILE_PREFIX = "blob_";

    private final HaStorages storages;
    private final String basePath;

    public HaBlobStore(HaStorages storages, Path clusterRoot) {
        this.storages = checkNotNull(storages);
        this.basePath = clusterRoot.toUri() + "/" + DIRECTORY;
    }

    @Override
    public boolean put(File localFile, @Nullable JobID jobId, BlobKey key) throws IOException {
        return put(localFile, ownerOf(jobId), key);
    }

    @Override
    public boolean get(@Nullable JobID jobId, BlobKey key, File localFile) throws IOException {
        return get(ownerOf(jobId), key, localFile);
    }

    @Override
    public boolean delete(@Nullable JobID jobId, BlobKey key) {
        return delete(ownerOf(jobId), key);
    }

    @Override
    public boolean deleteAll(@Nullable JobID jobId) {
        return deleteAll(ownerOf(jobId));
    }

    /** Stores a BLOB in the directory of its owner. */
    protected final boolean put(File localFile, String owner, BlobKey key) throws IOException {
        final String location = location(owner + "/" + fileName(key));
        storages.of(location).upload(localFile, location);
        return true;
    }

    /** Fetches a BLOB; whoever finds the local file relies on it being right. */
    protected final boolean get(String owner, BlobKey key, File localFile) throws IOException {
        final String location = location(owner + "/" + fileName(key));
        boolean complete = false;
        try {
            storages.of(location).download(location, localFile);
            if (!MessageDigest.isEqual(digest(localFile), key.getHash())) {
                throw new IOException(
                        "Detected data corruption: " + location + " has not the digest of its key.");
            }
            complete = true;
        } finally {
            if (!complete) {
                Files.deleteIfExists(localFile.toPath());
            }
        }
        return true;
    }

    /** Deletes a BLOB and the directories that it leaves empty. */
    protected final boolean delete(String owner, BlobKey key) {
        final String location = location(owner + "/" + fileName(key));
        try {
            final HaStorage storage = storages.of(location);
            storage.deleteAll(location);
            storage.deleteEmptyDirectory(location(owner));
            storage.deleteEmptyDirectory(location(""));
            return true;
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} could not be deleted.", location, e);
            return false;
        }
    }

    /** Deletes all BLOBs of an owner. */
    protected final boolean deleteAll(String owner) {
        final String location = location(owner);
        try {
            final HaStorage storage = storages.of(location);
            storage.deleteAll(location);
            storage.deleteEmptyDirectory(location(""));
            return true;
        } catch (IOException | RuntimeException e) {
            LOG.warn("{} could not be deleted.", location, e);
            return false;
        }
    }

    @Override
    public void cleanupAllData() {
        final String location = location("");
        try {
            storages.of(location).deleteAll(location);
        } catch (IOException | RuntimeException e) {
            LOG.error("{} could not be deleted, its BLOBs stay behind.", location, e);
        }
    }

    /** The storage is closed with the services. */
    @Override
    public void close() {}

    private static String ownerOf(@Nullable JobID jobId) {
        return jobId == null ? NO_JOB : JOB_PREFIX + jobId;
    }

    private static String fileName(BlobKey key) {
        return FILE_PREFIX + key;
    }

    /**
     * Through {@link Path#Path(String)}, which escapes an escaped base a second time: that is where
     * Flink's own BLOB store puts them.
     */
    private String location(String child) {
        return new Path(child.isEmpty() ? basePath : basePath + "/" + child).toUri().toString();
    }

    private static byte[] digest(File file) throws IOException {
        final MessageDigest digest;
        try {
            // The algorithm of BLOB keys, see BlobUtils.
            digest = MessageDigest.getInstance("SHA-1");
        } catch (NoSuchAlgorithmException e) {
            throw new IOException("Every Java platform has SHA-1.", e);
        }
        try (InputStream in = Files.newInputStream(file.toPath())) {
            final byte[] buffer = new byte[1 << 16];
            for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
                digest.update(buffer, 0, n);
            }
        }
        return digest.digest();
    }
}
