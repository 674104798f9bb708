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

package org.apache.flink.kubernetes.highavailability;

import org.apache.flink.runtime.state.RetrievableStateHandle;
import org.apache.flink.util.InstantiationUtil;

import java.io.IOException;
import java.io.Serializable;
import java.util.Base64;

/** Writes pointers as the class of this name in flink-dist does. */
public final class KubernetesStateHandleStore {

    private KubernetesStateHandleStore() {}

    public static String pointer(RetrievableStateHandle<?> inner, boolean markedForDeletion)
            throws IOException {
        return Base64.getEncoder()
                .encodeToString(
                        InstantiationUtil.serializeObject(
                                new StateHandleWithDeleteMarker(inner, markedForDeletion)));
    }

    /** Has the fields and the computed version of the class in flink-dist. */
    static final class StateHandleWithDeleteMarker implements Serializable {

        private static final long serialVersionUID = 1994325530560040316L;

        private final RetrievableStateHandle<?> inner;
        private final boolean markedForDeletion;

        StateHandleWithDeleteMarker(RetrievableStateHandle<?> inner, boolean markedForDeletion) {
            this.inner = inner;
            this.markedForDeletion = markedForDeletion;
        }
    }
}
