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

package io.flinkkubeha.store;

import org.apache.flink.runtime.checkpoint.CheckpointStoreUtil;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Keys of checkpoints in the ConfigMap of a job. */
public enum CheckpointKeys implements CheckpointStoreUtil {
    INSTANCE;

    private static final Logger LOG = LoggerFactory.getLogger(CheckpointKeys.class);

    static final String PREFIX = "checkpointID-";

    /** Padded, so that keys sort like ids: Flink takes the last one as the latest. */
    @Override
    public String checkpointIDToName(long checkpointId) {
        return PREFIX + String.format("%019d", checkpointId);
    }

    @Override
    public long nameToCheckpointID(String key) {
        try {
            return Long.parseLong(key.substring(PREFIX.length()));
        } catch (NumberFormatException | IndexOutOfBoundsException e) {
            LOG.warn("{} is not the key of a checkpoint.", key);
            return INVALID_CHECKPOINT_ID;
        }
    }
}
