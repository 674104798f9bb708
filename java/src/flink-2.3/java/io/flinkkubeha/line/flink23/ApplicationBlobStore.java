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

package io.flinkkubeha.line.flink23;

import org.apache.flink.api.common.ApplicationID;
import org.apache.flink.core.fs.Path;
import org.apache.flink.runtime.blob.BlobKey;

import io.flinkkubeha.storage.HaBlobStore;
import io.flinkkubeha.storage.HaStorages;

import java.io.File;
import java.io.IOException;

/**
 * BLOBs of applications beside those of jobs.
 *
 * <p>Since Flink 2.3 the jars of a job belong to its application and are uploaded there; what the
 * job itself offloads still lies in the directory of the job.
 */
final class ApplicationBlobStore extends HaBlobStore {

    private static final String APPLICATION_PREFIX = "application_";

    ApplicationBlobStore(HaStorages storages, Path clusterRoot) {
        super(storages, clusterRoot);
    }

    @Override
    public boolean put(File localFile, ApplicationID applicationId, BlobKey key)
            throws IOException {
        return put(localFile, ownerOf(applicationId), key);
    }

    @Override
    public boolean get(ApplicationID applicationId, BlobKey key, File localFile)
            throws IOException {
        return get(ownerOf(applicationId), key, localFile);
    }

    @Override
    public boolean delete(ApplicationID applicationId, BlobKey key) {
        return delete(ownerOf(applicationId), key);
    }

    @Override
    public boolean deleteAll(ApplicationID applicationId) {
        return deleteAll(ownerOf(applicationId));
    }

    private static String ownerOf(ApplicationID applicationId) {
        return APPLICATION_PREFIX + applicationId;
    }
}
